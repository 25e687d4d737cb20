/** Which replica gets a message, with answers that come when the test says so. */
import assert from "node:assert/strict";
import type { ActorAddress, PoolAddress } from "../../src/core/address.ts";
import { ActorStoppedError } from "../../src/core/errors.ts";
import { PoolLostError } from "../../src/core/host_errors.ts";
import { deviceRefExtension } from "../../src/actor/device_ref.ts";
import { Balancers, type ReplicaCalls } from "../../src/pool/replicas.ts";

const HOST = 7;

const ACTOR: ActorAddress = {
  host: HOST,
  pool: 1,
  uid: "actor",
  generation: 3,
  replicas: [1, 2, 3].map((pool) => ({ host: HOST, pool })),
};

/** Notes where calls go; each is answered by hand. */
class FakeCalls implements ReplicaCalls {
  time = 0;
  /** What their host says when it is asked. */
  there: ActorAddress = ACTOR;
  asked = 0;
  now(): number {
    return this.time;
  }
  whereNow(): Promise<ActorAddress> {
    this.asked++;
    return Promise.resolve(this.there);
  }
  readonly pools: number[] = [];
  readonly calls: PromiseWithResolvers<unknown>[] = [];
  call(to: ActorAddress): Promise<unknown> {
    assert.deepEqual([to.uid, to.generation, to.replicas], ["actor", 3, undefined]);
    this.pools.push(to.pool);
    const call = Promise.withResolvers<unknown>();
    this.calls.push(call);
    return call.promise;
  }
  tell(to: ActorAddress): void {
    this.pools.push(to.pool);
  }
  free(): never {
    throw new Error("nothing is kept here");
  }
  later(): never {
    throw new Error("no timers here");
  }
}

function open(self: PoolAddress = { host: HOST, pool: 0 }) {
  const calls = new FakeCalls();
  const balancers = new Balancers(self, calls);
  const balancer = balancers.of(ACTOR);
  const call = () => balancer.call(ACTOR, "run", []);
  return { calls, balancers, balancer, call };
}

Deno.test("Balancer: the fewest calls under way, in turn among equals", async () => {
  const { calls, call } = open();
  const made = Array.from({ length: 6 }, call);
  assert.deepEqual(calls.pools, [1, 2, 3, 1, 2, 3]);
  calls.calls[1]!.resolve("two");
  assert.equal(await made[1], "two");
  void call();
  assert.equal(calls.pools.at(-1), 2);
  calls.calls[2]!.reject(new RangeError("three"));
  await assert.rejects(made[2]!, /three/);
  void call();
  assert.equal(calls.pools.at(-1), 3, "an error is an answer too");
});

Deno.test("Balancer: among equals the caller's own pool, but for tells", () => {
  const { calls, balancer, call } = open({ host: HOST, pool: 2 });
  for (let i = 0; i < 4; i++) void call();
  assert.equal(calls.pools[0], 2);
  assert.deepEqual(calls.pools.slice(0, 3).sort(), [1, 2, 3]);
  assert.equal(calls.pools[3], 2);
  const told = open({ host: HOST, pool: 2 });
  for (let i = 0; i < 6; i++) told.balancer.tell(ACTOR, "run", []);
  assert.deepEqual(told.calls.pools, [1, 2, 3, 1, 2, 3]);
  // The pool of the same number of another host is another one.
  const far = open({ host: 8, pool: 2 });
  void far.call();
  assert.equal(far.calls.pools[0], 1);
  assert.equal(balancer.balanced(), balancer);
});

Deno.test("Balancer: near the data first, on whatever device most of it is", () => {
  const { calls, balancer } = open();
  const { fromWire } = deviceRefExtension(() => calls as never);
  const ref = (pool: number, length: number, host = HOST) =>
    fromWire([host, pool, "kernel", 1, 7, "f32", length]);
  const last = () => calls.pools.at(-1);
  for (let i = 0; i < 4; i++) {
    void balancer.call(ACTOR, "run", [{ x: ref(3, 100), y: ref(2, 60), p: { n: 1 } }]);
    assert.equal(last(), 3, "however many calls are under way there");
  }
  void balancer.call(ACTOR, "run", [{ x: ref(3, 100), y: ref(2, 60), z: ref(2, 60) }]);
  assert.equal(last(), 2);
  balancer.tell(ACTOR, "keep", [ref(1, 1)]);
  assert.equal(last(), 1);
  void balancer.call(ACTOR, "run", [[{ x: ref(2, 1) }], [{ x: ref(3, 9) }]], undefined, true);
  assert.equal(last(), 2, "of a batch the first call counts");
  void balancer.call(ACTOR, "run", [{ x: ref(3, 1, HOST + 1) }]);
  assert.equal(last(), 1, "it is on another host: the one with the fewest calls");
  balancer.lost(({ pool }) => pool === 3);
  void balancer.call(ACTOR, "run", [{ x: ref(3, 100) }]);
  assert.notEqual(last(), 3);
});

Deno.test("Balancer: learns that a replica is gone, by notice or by a call that fails", async () => {
  const { calls, balancers, balancer, call } = open();
  balancers.lost(({ pool }) => pool === 1);
  assert.deepEqual(balancer.target.replicas?.map(({ pool }) => pool), [2, 3]);
  const failing = [call(), call()];
  assert.deepEqual(calls.pools, [2, 3]);
  // A loss that the method suffered says where; one of the replica itself does not.
  const suffered = Object.assign(new PoolLostError("elsewhere", "exit"), { actor: "actor" });
  calls.calls[0]!.reject(suffered);
  await assert.rejects(failing[0]!, /elsewhere/);
  assert.equal(balancer.target.replicas?.length, 2);
  calls.calls[1]!.reject(new PoolLostError("here", "exit"));
  await assert.rejects(failing[1]!, /here/);
  assert.deepEqual(balancer.target.replicas?.map(({ pool }) => pool), [2]);
  assert.equal(balancer.isGone(new PoolLostError("", "exit")), false, "another one lives");
  assert.equal(balancer.isGone(new ActorStoppedError("")), true);
  balancers.lost(() => true);
  assert.equal(balancer.isGone(new PoolLostError("", "exit")), true);
  assert.deepEqual(balancer.target.replicas?.map(({ pool }) => pool), [2], "the last knowledge");
  void call();
  assert.equal(calls.pools.length, 3, "the call says why nobody answers");
});

Deno.test("Balancers: refs to one actor share one, refs to a later actor do not", () => {
  const { balancers, balancer } = open();
  assert.equal(balancers.of({ ...ACTOR }), balancer);
  assert.notEqual(balancers.of({ ...ACTOR, generation: 4 }), balancer);
  assert.notEqual(balancers.of({ ...ACTOR, host: 8 }), balancer);
  assert.notEqual(balancers.of({ ...ACTOR, uid: "other" }), balancer);
});

Deno.test("Balancer: a replica that was lost is asked for now and then, and gets messages again", async () => {
  const { calls, balancers, balancer } = open();
  balancers.lost(({ pool }) => pool === 2);
  calls.there = { ...ACTOR, replicas: ACTOR.replicas!.filter(({ pool }) => pool !== 2) };
  const tell = () => balancer.tell(ACTOR, "run", []);
  tell();
  assert.equal(calls.asked, 0, "not at once");
  calls.time = 1000;
  for (let i = 0; i < 4; i++) tell();
  assert.equal(calls.asked, 1, "not with every message");
  await Promise.resolve();
  assert.deepEqual([...new Set(calls.pools)].sort(), [1, 3]);
  calls.there = ACTOR;
  calls.time = 2000;
  tell();
  await Promise.resolve();
  for (let i = 0; i < 3; i++) tell();
  assert(calls.pools.includes(2));
  assert.deepEqual(balancer.target.replicas, ACTOR.replicas);
  assert.equal(calls.asked, 2);
});
