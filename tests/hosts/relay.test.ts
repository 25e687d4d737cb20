/** Scenario 14: two hosts that are linked only by way of a third one. Everything works as if they were neighbours. */
import assert from "node:assert/strict";
import {
  Actor,
  actor,
  type ActorRef,
  anyHost,
  type Host,
  HostLostError,
  onHost,
  onPool,
  PoolLostError,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Counter, Gate } from "../fixtures/actors.ts";
import { Sequence } from "../fixtures/sequence.ts";
import { assertSameBytes, pattern } from "../contract/link_helpers.ts";

/** Uses another actor from where it lives. */
@actor(import.meta)
export class Visitor extends Actor {
  async visit(counter: ActorRef<Counter>): Promise<number> {
    counter.add.tell(1);
    return await counter.add(1);
  }
  async visitByUid(uid: string, host: number): Promise<number> {
    return await (await this.context.actorRef<Counter>(uid, host)).add(1);
  }
  async has(counter: ActorRef<Counter>): Promise<boolean> {
    return await this.context.hasActor(counter);
  }
  echo(bytes: Uint8Array): Uint8Array {
    return bytes;
  }
  async *count(to: number): AsyncGenerator<number> {
    for (let n = 0; n < to; n++) yield n;
  }
  wait(): Promise<never> {
    return new Promise(() => {});
  }
  fail(): Promise<never> {
    setTimeout(() => {
      throw new Error("the pool fails");
    });
    return new Promise(() => {});
  }
}

interface Stage {
  readonly near: Host;
  readonly relay: Host;
  readonly far: Host;
}

async function withRelay(body: (stage: Stage) => Promise<void>): Promise<void> {
  const modules = ["../fixtures/actors.ts", "../fixtures/sequence.ts", "./relay.test.ts"].map((
    file,
  ) => new URL(file, import.meta.url).href);
  const common = { modules, debug: false as const, stopTimeoutMs: 500, onDeadLetter: () => {} };
  await using relay = await startHost({ ...common, pools: [], listen: { port: 0 } });
  // Neither listens.
  const ends = { ...common, pools: [workerPool({ count: 1 })], join: [relay.address!] };
  await using near = await startHost(ends);
  const known = new Promise<void>((resolve) => {
    near.watchHosts(({ kind }) => kind === "joined" && resolve());
  });
  await using far = await startHost(ends);
  await known;
  await body({ near, relay, far });
}

Deno.test("relay: create, call, tell, find, cancel and end, from outside and from an actor", () =>
  withRelay(async ({ near, far }) => {
    const [worker] = near.pools().filter(({ host, pool }) => host === far.id && pool > 0);
    const visitor = await near.createActor(Visitor, [], { place: onPool(worker!) });
    const mine = await near.createActor(Counter, [10], { uid: "mine" });
    const theirs = await far.createActor(Counter, [20], { uid: "theirs" });
    // By a ref that travels, and by address and uid.
    assert.equal(await visitor.visit(mine), 12);
    assert.equal(await visitor.visitByUid("mine", near.id), 13);
    assert.equal(await visitor.has(mine), true);
    const found = await near.actorRef<Counter>("theirs", far.id);
    assert.equal(await found.add(1), 21);
    assert.equal(await near.hasActor(theirs), true);
    assert.deepEqual((await near.inspect(far.id)).id, far.id);
    // Cancel reaches what runs there.
    const gate = await near.createActor(Gate, [], { place: onHost(far.id) });
    const controller = new AbortController();
    const waiting = gate.pass.with({ signal: controller.signal })(1);
    await gate.entered();
    controller.abort(new Error("enough"));
    await assert.rejects(waiting, { message: "enough" });
    // Streams, and bulk that is passed on as it is.
    const items: number[] = [];
    for await (const n of visitor.count(500)) items.push(n);
    assert.deepEqual(items, Array.from({ length: 500 }, (_, n) => n));
    const bytes = pattern(5_000_000);
    assertSameBytes(await visitor.echo(bytes), bytes);
    // Kill, destroy, watch.
    const doomed = await near.createActor(Visitor, [], { place: onHost(far.id), uid: "doomed" });
    const held = doomed.wait().then(() => null, (error) => error);
    using watch = near.watch(doomed);
    assert.equal(await near.hasActor(doomed), true);
    await near.killActor(doomed);
    assert.ok(await held instanceof Error);
    assert.ok((await watch).reason instanceof Error);
    await near.destroyActor(found);
    assert.equal(await far.hasActor("theirs"), false);
  }));

Deno.test("relay: a pool behind it that dies is known, and its recovery can be waited for", () =>
  withRelay(async ({ near, far }) => {
    const [worker] = near.pools().filter(({ host, pool }) => host === far.id && pool > 0);
    const visitor = await near.createActor(Visitor, [], { place: onPool(worker!) });
    await assert.rejects(visitor.fail(), PoolLostError);
    await near.waitPoolRecovered(worker!);
    assertSameBytes(await visitor.echo(pattern(10)), pattern(10));
  }));

Deno.test("relay: what one sends to one actor keeps its order, calls and tells, small and large", () =>
  withRelay(async ({ near, far }) => {
    const ref = await near.createActor(Sequence, [], { place: onHost(far.id) });
    const calls: Promise<number>[] = [];
    for (let n = 0; n < 5_000; n++) {
      if (n % 250 === 100) ref.take.tell(n, new Uint8Array(400_000));
      else if (n % 3 === 0) calls.push(ref.take(n));
      else ref.take.tell(n);
      if (n % 500 === 0) await calls.at(-1);
    }
    await Promise.all(calls);
    assert.deepEqual(await ref.state(), { next: 5_000, faults: 0 });
  }));

Deno.test("relay: either end that stops is lost to the other at once, and so is the relay", async () => {
  await withRelay(async ({ near, relay, far }) => {
    const ref = await near.createActor(Sequence, [], { place: onHost(far.id) });
    const back = await far.createActor(Sequence, [], { place: onHost(near.id) });
    const waiting = [ref.wait(), back.wait()].map((call) =>
      call.then(() => null, (error) => error)
    );
    await Promise.all([ref.state(), back.state()]);
    await relay.stop();
    for (const error of await Promise.all(waiting)) assert(error instanceof HostLostError);
    await assert.rejects(ref.state(), HostLostError);
    assert.deepEqual([near.hosts(), far.hosts()], [[], []]);
  });
  await withRelay(async ({ near, far }) => {
    const ref = await near.createActor(Sequence, [], { place: [anyHost(), onHost(far.id)] });
    const waiting = ref.wait().then(() => null, (error) => error);
    await ref.state();
    await far.stop();
    assert(await waiting instanceof Error);
    await assert.rejects(ref.state(), HostLostError);
  });
});
