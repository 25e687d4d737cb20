/** Calls that are given up while they wait, while they run, and with the call that made them. */
import assert from "node:assert/strict";
import { type ActorRef, addressOf, onPool } from "@dramatis/dramatis";
import { Hop, Overlap } from "../fixtures/message_actors.ts";
import { inTime, withEnoughTime } from "../integration/enough_time.ts";
import { type Stage, testEverywhere } from "../integration/placements.ts";

/** Actors in the main pool, in a worker, in the place. */
async function threeHops(stage: Stage): Promise<[ActorRef<Hop>, ActorRef<Hop>, ActorRef<Hop>]> {
  const { host } = stage;
  const [main, worker] = host.pools();
  return [
    await host.createActor(Hop, [], { place: onPool(main!) }),
    await host.createActor(Hop, [], { place: onPool(worker!) }),
    await stage.create(Hop, []),
  ];
}

const REASON = new RangeError("never mind");

testEverywhere("cancel: it reaches every call made from the call", async (stage) => {
  const hops = await threeHops(stage);
  const [a, b, c] = hops;
  const controller = new AbortController();
  const following = a.follow.with({ signal: controller.signal })([b, c]);
  await c.entered();
  controller.abort(REASON);
  await assert.rejects(following, (error) => error === REASON, "the caller at once");
  for (const hop of hops) {
    const reason = await hop.aborted();
    assert(reason instanceof RangeError);
    assert.equal(reason.message, "never mind");
  }
  assert.deepEqual(await Promise.all(hops.map((hop) => hop.mark("free"))), [
    "free",
    "free",
    "free",
  ]);
  assert.equal(stage.letters, 0);
}, { worker: true });

testEverywhere("cancel: a method sees its nested call rejected with the reason", async (stage) => {
  const [a, b, c] = await threeHops(stage);
  for (const [from, to] of [[a, c], [b, c], [c, a]] as const) {
    const [outer, inner] = [await another(stage, from), await another(stage, to)];
    const controller = new AbortController();
    const reporting = outer.report.with({ signal: controller.signal })(inner);
    await inner.entered();
    controller.abort(REASON);
    await assert.rejects(reporting, REASON);
    assert.deepEqual(await outer.outcome(), { name: "RangeError", message: "never mind" });
    assert.equal((await inner.aborted() as Error).message, "never mind");
  }
}, { worker: true });

/** Another actor in the pool of one. */
function another({ host }: Stage, ref: ActorRef<Hop>): Promise<ActorRef<Hop>> {
  const { pool, host: owner } = addressOf(ref);
  return host.createActor(Hop, [], { place: { policy: "onPool", pool, host: owner } });
}

testEverywhere("cancel: before the start, after the end, and twice", async (stage) => {
  const hop = await stage.create(Hop, []);
  const aborted = AbortSignal.abort(REASON);
  await assert.rejects(hop.mark.with({ signal: aborted })("never"), REASON);
  const controller = new AbortController();
  assert.equal(await hop.mark.with({ signal: controller.signal })("done"), "done");
  controller.abort(REASON);
  controller.abort(new Error("again"));
  const nothing = hop.mark.with({ signal: AbortSignal.any([controller.signal]) })("never");
  await assert.rejects(nothing, REASON);
  // Given up in the tick in which it was sent.
  const soon = new AbortController();
  const call = hop.mark.with({ signal: soon.signal })("sent and given up");
  soon.abort(REASON);
  await assert.rejects(call, REASON);
  assert.equal(await hop.mark("after"), "after");
  const marks = (await hop.marks()).filter((mark) => mark !== "sent and given up");
  assert.deepEqual(marks, ["done", "after"]);
});

testEverywhere("cancel: queued ones never run, and the others keep their order", async (stage) => {
  const hop = await stage.create(Hop, []);
  const running = new AbortController();
  const holding = hop.follow.with({ signal: running.signal })([]);
  await hop.entered();
  const controllers = Array.from({ length: 20 }, () => new AbortController());
  const queued = controllers.map(({ signal }, i) => hop.mark.with({ signal })(`${i}`));
  const settled = Promise.allSettled(queued);
  for (const [i, controller] of controllers.entries()) if (i % 2 === 0) controller.abort(REASON);
  await hop.marks();
  running.abort(REASON);
  await assert.rejects(holding, REASON);
  const statuses = (await settled).map(({ status }) => status);
  assert.deepEqual(statuses, controllers.map((_, i) => i % 2 === 0 ? "rejected" : "fulfilled"));
  const odd = controllers.map((_, i) => `${i}`).filter((_, i) => i % 2 === 1);
  assert.deepEqual(await hop.marks(), odd);
});

testEverywhere("cancel: a method may go on, and what it returns is dropped", async (stage) => {
  const [a, b, c] = await threeHops(stage);
  for (const hop of [a, b, c]) {
    const controller = new AbortController();
    const persisting = hop.persist.with({ signal: controller.signal })();
    await hop.entered();
    const next = hop.mark("next");
    controller.abort(REASON);
    await assert.rejects(persisting, REASON);
    assert.equal(await next, "next");
    assert.deepEqual(await hop.marks(), ["persisted", "next"], "it held the lock to its end");
  }
  const outer = await another(stage, b);
  const controller = new AbortController();
  const tidying = outer.tidyUp.with({ signal: controller.signal })(c);
  await outer.entered();
  controller.abort(REASON);
  await assert.rejects(tidying, REASON);
  await outer.mark("it has ended");
  assert.equal((await c.marks()).at(-1), "tidy", "calls made after the cancel are not given up");
  assert.equal(stage.letters, 0);
}, { worker: true });

testEverywhere("context: overlapping messages keep their own after awaits", async (stage) => {
  const { host } = stage;
  const overlap = await stage.create(Overlap, []);
  const workers = host.pools().filter((pool) => pool.host === host.id && pool.kind === "worker");
  const via = await host.createActor(Overlap, [], { place: onPool(workers[0]!) });
  const controllers = [new AbortController(), new AbortController()];
  const count = 6;
  const given = controllers.map(({ signal }, i) =>
    assert.rejects(overlap.meet.with({ signal })(-1 - i, count), REASON)
  );
  const direct = [1, 2].map((id) => overlap.meet(id, count));
  const others = [3, 4].map((id) => via.via(overlap, id, count));
  const [first, second] = await Promise.all(direct);
  const here = { host: host.id, pool: 0 };
  assert.deepEqual([first, second], [{ id: 1, sender: here }, { id: 2, sender: here }]);
  const { host: home, pool } = addressOf(via);
  assert.deepEqual(await Promise.all(others), [{ host: home, pool }, { host: home, pool }]);
  controllers[1]!.abort(REASON);
  await given[1];
  while ((await overlap.aborted()).length < 1);
  controllers[0]!.abort(REASON);
  await given[0];
  while ((await overlap.aborted()).length < 2);
  assert.deepEqual(await overlap.aborted(), [-2, -1], "each its own");
}, { worker: true });

testEverywhere("context: code that a message leaves behind is not in it", async (stage) => {
  const [a, b, c] = await threeHops(stage);
  for (const [from, to] of [[a, c], [b, c], [c, b]] as const) {
    await withEnoughTime(async (timeoutMs) => {
      const hop = await another(stage, from);
      const controller = new AbortController();
      const options = { signal: controller.signal, timeoutMs };
      if (!await inTime(hop.leaveBehind.with(options)(to))) return false;
      controller.abort(REASON);
      // By then the time of the message is over too.
      await assert.rejects(hop.follow.with({ timeoutMs })([]), { name: "CallTimeoutError" });
      await hop.open();
      assert.deepEqual(await hop.outcome(), { name: "left behind", message: "false" });
      return true;
    });
  }
}, { worker: true });
