/** Calls that wait for each other across chains, pools and hosts are found. */
import assert from "node:assert/strict";
import { type ActorRef, ActorStoppedError, DeadlockError, mainPool } from "@dramatis/dramatis";
import type { Hop } from "../../src/core/call_chain.ts";
import { findCycle, isReporter } from "../../src/debug/wait_probe.ts";
import type { Wait } from "../../src/debug/waits.ts";
import { Meeting, Suspect } from "../fixtures/debug_actors.ts";
import { testReports } from "./reports.ts";

const DEBUG = { slowCallMs: 50 };

testReports("deadlock: two chains that cross are reported", DEBUG, async (stage, reports) => {
  const { host } = stage;
  const a = await host.createActor(Suspect, [], { uid: "a", place: mainPool() });
  const b = await stage.create(Suspect, [], { uid: "b" });
  const meeting = await host.createActor(Meeting, [2]);
  const calls = Promise.allSettled([a.cross(meeting, b), b.cross(meeting, a)]);
  const report = await reports.first("deadlock");
  assert.equal(report.rejected, false);
  assert.deepEqual(report.cycle.map(({ method }) => method), ["cross", "cross"]);
  assert.deepEqual(report.cycle.map(({ actor }) => actor.split(" ")[0]).sort(), ["a", "b"]);
  assert.match(report.message, /cross of [ab] in pool .* waits for add of [ab] in pool/);
  // It is left as it is, until somebody ends it.
  await host.killActor(a);
  const [first, second] = await calls;
  assert(first!.status === "rejected" && first.reason instanceof ActorStoppedError);
  assert(second!.status === "rejected" && second.reason instanceof ActorStoppedError);
  assert.equal(reports.all.filter(({ kind }) => kind === "deadlock").length, 1);
});

testReports("deadlock: if asked, one of the calls is rejected and the others go on", {
  ...DEBUG,
  onDeadlock: "reject",
}, async (stage, reports) => {
  const { host } = stage;
  const refs: ActorRef<Suspect>[] = [
    await host.createActor(Suspect, [], { uid: "a", place: mainPool() }),
    await stage.create(Suspect, [], { uid: "b" }),
    await host.createActor(Suspect, [], { uid: "c" }),
  ];
  const meeting = await host.createActor(Meeting, [3]);
  const outcomes = await Promise.allSettled(
    refs.map((ref, i) => ref.cross(meeting, refs[(i + 1) % refs.length]!)),
  );
  const rejected = outcomes.filter((one) => one.status === "rejected");
  assert.equal(rejected.length, 1, JSON.stringify(outcomes));
  const error = rejected[0]!.reason;
  assert(error instanceof DeadlockError, String(error));
  assert.equal(error.cycle.length, 3);
  assert.match(error.message, /Make one @reentrant, or wait by this.unlocked/);
  for (const one of outcomes) if (one.status === "fulfilled") assert.equal(one.value, 3);
  const report = await reports.first("deadlock");
  assert.equal(report.rejected, true);
  assert.deepEqual(report.cycle, error.cycle);
  for (const ref of refs) assert.equal(await ref.add(1, 1), 2, "nobody is stuck");
});

/** A wait of the message `serial`, whose call is `key`. */
function wait(serial: number, calls: number[], key = `${serial}`, isQueued = true): Wait {
  const to = (pool: number) => ({ host: 1, pool, uid: `${pool}`, generation: pool });
  return {
    hop: { ...to(serial), method: "m", serial },
    call: "m",
    key,
    isQueued,
    calls: calls.map((pool) => ({ to: to(pool), method: "m" })),
    open: calls.length,
  };
}

/** Follows by a table: what the actor `pool` holds up. */
function follower(
  table: (pool: number) => Wait[],
): (to: Hop | { pool: number }) => Promise<Wait[]> {
  return ({ pool }) => Promise.resolve(table(pool));
}

Deno.test("findCycle: finds the start again, past branches and other circles", async () => {
  const waits = [wait(0, [1, 2]), wait(1, [3]), wait(2, [4]), wait(3, [1]), wait(4, [0])];
  const cycle = await findCycle(waits[0]!, follower((pool) => [waits[pool]!]));
  assert.deepEqual(cycle?.map(({ hop }) => hop.serial), [0, 2, 4]);
  const inner = await findCycle(waits[2]!, follower((pool) => pool === 0 ? [] : [waits[pool]!]));
  assert.equal(inner, null);
});

Deno.test("findCycle: what is not there at the second look never was", async () => {
  let asked = 0;
  const changing = follower((pool) => [pool === 1 ? wait(1, [0]) : wait(0, [1], `${asked++}`)]);
  assert.equal(await findCycle(wait(0, [1]), changing), null);
  const gone = follower((pool) => pool === 1 ? [wait(1, [0])] : asked++ < 3 ? [wait(0, [1])] : []);
  assert.equal(await findCycle(wait(0, [1]), gone), null);
});

Deno.test("findCycle: ends, however many wait", async () => {
  let last = 0;
  const endless = follower(() => [wait(++last, [last + 1])]);
  assert.equal(await findCycle(wait(0, [1]), endless), null);
  assert(last <= 256, `${last}`);
});

Deno.test("isReporter: of the queues in a cycle, one", () => {
  const cycle = [wait(2, []), wait(1, [], "1", false), wait(3, [])];
  assert.equal(isReporter(cycle), true);
  assert.equal(isReporter([cycle[1]!, cycle[2]!, cycle[0]!]), false);
  assert.equal(isReporter([cycle[2]!, cycle[0]!, cycle[1]!]), false);
});
