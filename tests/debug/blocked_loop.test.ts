/** A pool whose event loop does not turn is reported from outside, with what it runs. */
import assert from "node:assert/strict";
import { formatReport, type LoopReport, onPool, startHost } from "@dramatis/dramatis";
import { Suspect } from "../fixtures/debug_actors.ts";
import { openReported, Reports } from "./reports.ts";

const DEBUG = { blockedLoopMs: 60, slowCallMs: Infinity };

/** Whether it is of a loop in this method: on a busy machine a start alone may take so long. */
function isOf(method: string): (report: LoopReport) => boolean {
  return ({ running }) => running.some((one) => one.method === method);
}

for (const method of ["spin", "spinLater"] as const) {
  Deno.test(`blocked: ${method} holds the thread, and is named while it does`, async () => {
    const reports = new Reports();
    await using stage = await openReported("worker", reports, DEBUG);
    const { pool, host } = stage;
    const suspect = await stage.create(Suspect, [], { uid: "spinner" });
    const innocent = await stage.create(Suspect, [], { uid: "innocent" });
    assert.equal(await innocent.add(1, 2), 3);
    const word = new SharedArrayBuffer(4);
    const call = suspect[method](word);
    const report = await reports.first("blocked", isOf(method));
    const sofar = reports.all.length;
    assert.deepEqual(report.pool, { host: host.id, pool: pool.pool });
    assert.equal(report.name, "worker-1");
    assert(report.ms >= 60, `${report.ms}`);
    assert.deepEqual(report.running, [{ type: "Suspect", uid: "spinner", method }]);
    assert.match(
      formatReport(report),
      /worker-1 .* has not answered for .* it runs spin\w* of Susp/,
    );
    const inspected = (await host.inspect()).pools[1]!;
    assert.equal(inspected.responding, false);
    assert(inspected.lagMs! >= 60, `${inspected.lagMs}`);
    assert.deepEqual(inspected.running, report.running);
    assert.deepEqual(inspected.actors, []);
    Atomics.store(new Int32Array(word), 0, 1);
    assert.equal(await call, "spun");
    const over = await reports.first(
      "unblocked",
      (one) => one.pool.pool === pool.pool && reports.all.indexOf(one) >= sofar,
    );
    assert.deepEqual([over.pool, over.name], [report.pool, "worker-1"]);
    assert(over.ms >= report.ms, `${over.ms} after ${report.ms}`);
    assert.deepEqual(over.running, []);
    assert.match(formatReport(over), /^unblocked: worker-1 .* answers again after/);
    let after = (await host.inspect()).pools[1]!;
    // On a busy machine it may be late again.
    while (!after.responding) after = (await host.inspect()).pools[1]!;
    assert.deepEqual(after.running, []);
    const ours = reports.all.filter((one) => one.kind === "blocked" && isOf(method)(one));
    assert.deepEqual(ours, [report], "once");
  });
}

Deno.test("blocked: if several methods are under way, all that may be the one are named", async () => {
  const reports = new Reports();
  await using stage = await openReported("worker", reports, DEBUG);
  const holder = await stage.create(Suspect, [], { uid: "holder" });
  const spinner = await stage.create(Suspect, [], { uid: "spinner" });
  const held = holder.hold();
  await holder.entered();
  const word = new SharedArrayBuffer(4);
  const call = spinner.spinLater(word);
  const report = await reports.first("blocked", isOf("spinLater"));
  Atomics.store(new Int32Array(word), 0, 1);
  assert.deepEqual(report.running.map(({ uid, method }) => `${method} of ${uid}`).sort(), [
    "hold of holder",
    "spinLater of spinner",
  ]);
  assert.match(formatReport(report), /it runs one of \w+ of Suspect \w+, \w+ of Suspect \w+$/);
  await call;
  await holder.open();
  await held;
});

Deno.test("blocked: a pool that is given up is watched no more", async () => {
  const reports = new Reports();
  await using stage = await openReported("worker", reports, DEBUG, { autoRecover: false });
  const suspect = await stage.create(Suspect, []);
  const word = new SharedArrayBuffer(4);
  const call = suspect.spin(word).catch((error) => error.name);
  await reports.first("blocked", isOf("spin"));
  await stage.host.killActor(suspect);
  assert.equal(await call, "PoolLostError");
  // Its thread is let go, so that the process can end.
  Atomics.store(new Int32Array(word), 0, 1);
  assert.deepEqual((await stage.host.inspect()).pools.map(({ pool }) => pool.name), ["main"]);
});

Deno.test("blocked: the main pool tells when it turns again", async () => {
  const reports = new Reports();
  const debug = { blockedLoopMs: 60, onReport: reports.take };
  await using host = await startHost({ pools: [], debug });
  const keepAlive = setInterval(() => {}, 1000);
  const suspect = await host.createActor(Suspect, [], { place: onPool(0) });
  const held = suspect.hold();
  await suspect.entered();
  // Until the watch is awake and late.
  const end = performance.now() + 600;
  while (performance.now() < end);
  const report = await reports.first("unblocked");
  clearInterval(keepAlive);
  assert.deepEqual(report.pool, { host: host.id, pool: 0 });
  assert.equal(report.name, "main");
  assert(report.ms >= 60, `${report.ms}`);
  await suspect.open();
  assert.equal(await held, "held");
});
