/** Calls that run or wait for too long are reported, once, with who waits for them. */
import assert from "node:assert/strict";
import { Actor, actor, formatReport, slowCallMs, startHost } from "@dramatis/dramatis";
import { Meeting, Patient, Suspect } from "../fixtures/debug_actors.ts";
import { testReports } from "./reports.ts";

testReports(
  "slow: what runs is named, with its callers",
  { slowCallMs: 60 },
  async (stage, reports) => {
    const outer = await stage.host.createActor(Suspect, [], { uid: "outer" });
    const inner = await stage.create(Suspect, [], { uid: "inner" });
    const call = outer.pass([inner]);
    // On a busy machine others may take so long.
    const report = await reports.first("slow", ({ to }) => to.uid === "inner");
    assert.deepEqual([report.to.host, report.to.pool], [stage.pool.host, stage.pool.pool]);
    assert.equal(report.type, "Suspect");
    assert.equal(report.method, "pass");
    assert(report.ms >= 60, `${report.ms}`);
    assert.deepEqual(report.chain.map(({ uid, method }) => `${method} of ${uid}`), [
      "pass of outer",
    ]);
    assert.equal(report.from.host, stage.host.id);
    assert.equal(report.waiting, 0);
    assert.deepEqual(report.heldBy, []);
    assert.match(
      formatReport(report),
      /^slow call: pass of Suspect inner in pool \d+ of host \w+ has run for \d+ ms, called by pass of outer in pool/,
    );
    // Another one comes later: by then the first would have been reported again, and the one that waits too.
    const other = await stage.create(Suspect, [], { uid: "other" });
    const second = other.wait();
    await reports.first("slow", ({ to }) => to.uid === "other");
    const ours = reports.all.filter((one) => "to" in one && one.to.uid !== "outer");
    assert.deepEqual(ours.map((one) => "method" in one && one.method), ["pass", "wait"]);
    await other.open();
    await inner.open();
    assert.equal(await call, "held");
    await second;
  },
);

testReports("queued: what waits, behind what", { slowCallMs: 60 }, async (stage, reports) => {
  const one = await stage.create(Suspect, [], { uid: "one" });
  const caller = await stage.host.createActor(Suspect, [], { uid: "caller" });
  const held = caller.pass([one]);
  await one.entered();
  const queued = [one.add(1, 2), one.add(3, 4)];
  const report = await reports.first("queued");
  assert.equal(report.to.uid, "one");
  assert.equal(report.method, "add");
  assert.equal(report.waiting, 2);
  assert.deepEqual(report.chain, []);
  assert.equal(report.heldBy.length, 1);
  assert.equal(report.heldBy[0]!.method, "pass");
  assert.deepEqual(report.heldBy[0]!.chain.map(({ uid }) => uid), ["caller"]);
  assert.match(formatReport(report), /has waited for \d+ ms behind pass, called by pass of caller/);
  await one.open();
  assert.deepEqual([await held, ...await Promise.all(queued)], ["held", 3, 7]);
  assert.deepEqual(reports.all.filter(({ kind }) => kind === "deadlock"), []);
});

testReports(
  "slow: types and methods have their own limits",
  { slowCallMs: 80 },
  async (stage, reports) => {
    const patient = await stage.create(Patient, []);
    const other = await stage.create(Suspect, []);
    const calls = [patient.wait(), other.holdForEver(), patient.hurry()];
    const hurried = await reports.first("slow", ({ method }) => method === "hurry");
    assert(hurried.ms >= 20, `${hurried.ms}`);
    const usual = await stage.create(Suspect, []);
    const last = usual.wait();
    await reports.first("slow", ({ method }) => method === "wait");
    assert.deepEqual(reports.methods, ["hurry", "wait"]);
    await usual.open();
    await other.open();
    await patient.open();
    await Promise.all([...calls, last]);
  },
);

testReports(
  "slow: a queue that goes on to be slow is reported once",
  { slowCallMs: 60 },
  async (stage, reports) => {
    const one = await stage.create(Suspect, [], { uid: "one" });
    const other = await stage.create(Suspect, [], { uid: "other" });
    const holding = [one.hold(), one.hold(), one.add(1, 2)];
    await reports.first("queued", ({ to }) => to.uid === "one");
    await one.open();
    await holding[0];
    // The second holds it now, and the third is the next; its time has come already.
    const meanwhile = [other.hold(), other.add(1, 2)];
    await reports.first("queued", ({ to }) => to.uid === "other");
    const queued = reports.all.filter(({ kind }) => kind === "queued");
    assert.equal(queued.length, 2);
    await one.open();
    await other.open();
    await Promise.all([...holding, ...meanwhile]);
  },
);

testReports(
  "slow: Infinity looks for nothing",
  { slowCallMs: Infinity },
  async (stage, reports) => {
    const patient = await stage.create(Patient, []);
    const suspect = await stage.create(Suspect, []);
    const calls = [suspect.hold(), suspect.add(1, 2), patient.hurry()];
    await reports.first("slow");
    assert.deepEqual(reports.methods, ["hurry"]);
    await suspect.open();
    await patient.open();
    await Promise.all(calls);
  },
);

Deno.test("debug: false measures nothing, and counts", async () => {
  await using host = await startHost({ pools: [], debug: false });
  const suspect = await host.createActor(Suspect, []);
  assert.equal(await suspect.add(1, 2), 3);
  const { counters } = (await host.inspect()).pools[0]!.actors[0]!;
  assert.deepEqual(counters, {
    messages: 1,
    calls: 1,
    errors: 0,
    longestQueue: counters.longestQueue,
    waitMs: 0,
    runMs: 0,
    measured: 0,
  });
});

Deno.test("debug: options are checked, and say what they got", async () => {
  const wrong: [unknown, string, RegExp][] = [
    [{ slowCallMs: 0 }, "RangeError", /debug.slowCallMs is a number .* above 0, got 0$/],
    [{ blockedLoopMs: NaN }, "RangeError", /debug.blockedLoopMs is a number .* got NaN$/],
    [{ onDeadlock: "kill" }, "RangeError", /onDeadlock is "report" or "reject", got "kill"$/],
    [{ onReport: 1 }, "TypeError", /debug.onReport is a function, got 1$/],
    [true, "TypeError", /debug is an object or false, got true$/],
  ];
  for (const [debug, name, message] of wrong) {
    await assert.rejects(startHost({ pools: [], debug: debug as false }), { name, message });
  }
  assert.throws(
    () => {
      class Wrong extends Actor {
        @slowCallMs(-1)
        run(): void {}
      }
      return Wrong;
    },
    { name: "RangeError", message: /@slowCallMs on run: .* got -1$/ },
  );
  assert.throws(
    () => {
      @actor(import.meta, { slowCallMs: 0 })
      class Wrong extends Actor {}
      return Wrong;
    },
    { name: "RangeError", message: /@actor on Wrong: .* got 0$/ },
  );
});

Deno.test("debug: an onReport that throws ends nobody", async () => {
  let thrown = 0;
  const reported = Promise.withResolvers<void>();
  await using host = await startHost({
    pools: [],
    debug: {
      slowCallMs: 20,
      onReport: () => {
        if (++thrown === 2) reported.resolve();
        throw new Error("from onReport, on purpose");
      },
    },
  });
  const keepAlive = setInterval(() => {}, 1000);
  const meeting = await host.createActor(Meeting, [2]);
  const calls = [meeting.arrive()];
  const suspect = await host.createActor(Suspect, []);
  const holding = suspect.hold();
  await reported.promise;
  clearInterval(keepAlive);
  await suspect.open();
  calls.push(meeting.arrive());
  await Promise.all([...calls, holding]);
});
