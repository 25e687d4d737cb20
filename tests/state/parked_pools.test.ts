/** Actors that are parked when their pool dies: they stay so until they are needed. */
import assert from "node:assert/strict";
import {
  type ActorInspection,
  type ActorRef,
  ActorStoppedError,
  type Host,
  mainPool,
  onPool,
  PoolLostError,
  type PoolRecoveredEvent,
  type PoolSpec,
  processPool,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Dormitory, Dozer } from "../fixtures/dozer.ts";
import { Diary } from "../fixtures/family.ts";
import { Gatekeeper, Phoenix } from "../fixtures/phoenix.ts";
import { Idler } from "../fixtures/state_actors.ts";

/** A host with actors that tell, and one in pool 1 that ends it. */
class Scene implements AsyncDisposable {
  readonly ups: PoolRecoveredEvent[] = [];
  constructor(
    readonly host: Host,
    readonly diary: ActorRef<Diary>,
    readonly gate: ActorRef<Gatekeeper>,
    readonly bomb: ActorRef<Phoenix>,
  ) {}

  static async open(...pools: PoolSpec[]): Promise<Scene> {
    // A start takes long on a busy machine.
    const recovery = {
      waitMs: 120_000,
      backoffMs: 1,
      onPoolRecovered: (event: PoolRecoveredEvent) => void scene.ups.push(event),
    };
    const host = await startHost({ pools, debug: false, onDeadLetter: () => {}, recovery });
    const diary = await host.createActor(Diary, [], { place: mainPool() });
    const gate = await host.createActor(Gatekeeper, [], { place: mainPool() });
    const ashes = { start: 5, bytes: new Uint8Array(8) };
    const bomb = await host.createActor(Phoenix, [ashes], { place: onPool(1) });
    const scene: Scene = new Scene(host, diary, gate, bomb);
    return scene;
  }

  dozer(uid: string, start: number, options = {}): Promise<ActorRef<Dozer>> {
    const bed = { start, diary: this.diary };
    return this.host.createActor(Dozer, [bed], { uid, idleMs: 1, place: onPool(1), ...options });
  }

  /** Ends pool 1. */
  async explode(): Promise<void> {
    const gone = this.bomb.wait();
    this.bomb.crash.tell();
    await assert.rejects(gone, PoolLostError);
  }

  async inspect(uid: string): Promise<ActorInspection> {
    const actors = (await this.host.inspect()).pools.flatMap(({ actors }) => actors);
    return actors.find(({ address }) => address.uid === uid)!;
  }

  /** Resolves when an actor is parked. */
  async parked(...uids: string[]): Promise<void> {
    for (const uid of uids) while ((await this.inspect(uid))?.state !== "parked");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gate.open("parked");
    await this.gate.open("woken");
    await this.host.stop();
  }
}

const KINDS = [["worker", () => workerPool({ count: 1 })], [
  "process",
  () => processPool(),
]] as const;

for (const [name, spec] of KINDS) {
  Deno.test(`parked: an actor stays so when its ${name} pool is made again, until it is called`, async () => {
    await using scene = await Scene.open(spec());
    const { host, diary, ups } = scene;
    const [a, b] = [await scene.dozer("a", 10), await scene.dozer("b", 20)];
    const idler = await host.createActor(Idler, [], { uid: "i", idleMs: 1, place: onPool(1) });
    assert.deepEqual([await a.add(1), await b.add(1), await idler.ping()], [11, 21, "pong"]);
    const generation = await a.generation();
    await scene.parked("a", "b", "i");
    await diary.take(0);
    const before = await scene.inspect("a");
    const watch = host.watch(a);
    let isTold = false;
    void watch.then(() => isTold = true);
    for (const round of [1, 2]) {
      await scene.explode();
      await host.waitPoolRecovered(1);
      for (const uid of ["a", "b", "i"]) {
        assert.equal((await scene.inspect(uid)).state, "parked", `${uid}, round ${round}`);
      }
      assert.equal(await host.hasActor("a"), true);
      assert.equal(ups.length, round);
      assert.deepEqual([ups[round - 1]!.actors, ups[round - 1]!.restored], [4, []]);
    }
    assert.deepEqual(await diary.take(0), [], "nothing was made");
    assert.equal(isTold, false, "it has not ended");
    const after = await scene.inspect("a");
    assert.equal(after.saved!.savedAt, before.saved!.savedAt);
    assert.equal(after.saved!.bytes, before.saved!.bytes);
    assert.equal((await scene.inspect("i")).saved, undefined);
    assert.equal(await a.add(1), 12);
    const { savedAt, ageMs } = (await a.info())!;
    assert.equal(savedAt, before.saved!.savedAt);
    assert(ageMs >= 0 && ageMs <= Date.now() - savedAt, String(ageMs));
    assert.equal(await a.generation(), generation, "the same instance, as far as anybody knows");
    assert.equal((await scene.inspect("b")).state, "parked");
    assert.equal(await idler.ping(), "pong");
    await scene.parked("a");
    await scene.explode();
    assert.deepEqual([await a.add(1), await b.add(1)], [13, 22], "what comes meanwhile waits");
    await host.destroyActor(a);
    assert((await watch).reason instanceof ActorStoppedError);
    const again = await scene.dozer("a", 1);
    assert.equal(await again.add(1), 2, "destroyed it begins anew");
  });

  Deno.test(`parked: a ${name} pool that dies while an actor is being parked or woken loses nothing saved`, async () => {
    await using scene = await Scene.open(spec());
    const { host, gate, diary } = scene;
    const bed = { start: 10, diary, gate };
    const options = { uid: "a", idleMs: 1, place: onPool(1) };
    const a = await host.createActor(Dozer, [bed], options);
    await a.add(1);
    await gate.come("parked");
    assert.equal((await scene.inspect("a")).state, "parking");
    const during = a.add(100);
    const lost = assert.rejects(during, PoolLostError);
    await scene.explode();
    await lost;
    await gate.open("parked");
    await gate.open("woken");
    assert.equal(await a.add(1), 12);
    await scene.parked("a");
    const other = await host.createActor(Gatekeeper, [], { place: mainPool() });
    await other.open("parked");
    const late = { ...options, uid: "b" };
    const b = await host.createActor(Dozer, [{ start: 20, diary, gate: other }], late);
    await b.add(1);
    await scene.parked("b");
    const woken = [1, 2, 3].map((k) => assert.rejects(b.add(k), PoolLostError));
    await other.come("woken");
    await scene.explode();
    await Promise.all(woken);
    await other.open("woken");
    assert.deepEqual([await b.add(1), await a.add(1)], [22, 13]);
  });
}

Deno.test("parked: an actor keeps its children when its pool dies, and is woken for their ends", async () => {
  await using scene = await Scene.open(workerPool({ count: 2 }));
  const { host, diary } = scene;
  const parent = await scene.dozer("parent", 0);
  await parent.adopt("child", onPool(2));
  await scene.parked("parent");
  const child = await host.actorRef<Dozer>("child");
  await child.add(1);
  await diary.take(2);
  await scene.explode();
  await host.waitPoolRecovered(1);
  assert.equal((await scene.inspect("parent")).state, "parked");
  assert.equal(await child.add(1), 2, "the same child");
  await assert.rejects(child.fail(), ActorStoppedError);
  assert.deepEqual(await diary.take(2), ["+parent", "parent has lost child"]);
  await scene.parked("parent");
  await parent.adopt("child", onPool(2));
  await scene.parked("parent");
  await scene.explode();
  await host.destroyActor(parent);
  assert.equal(await host.hasActor("child"), false, "it ends with its parent, wherever that is");
  assert.equal(await host.hasActor("parent"), false);
});

Deno.test("parked: an actor can be killed while its pool is away; a temporary one is gone with it", async () => {
  await using scene = await Scene.open(workerPool({ count: 1 }));
  const { host, diary } = scene;
  const [a, b] = [await scene.dozer("a", 10), await scene.dozer("b", 20, { restart: "temporary" })];
  await scene.parked("a", "b");
  const ended = host.watch(b);
  await scene.explode();
  await host.killActor(a);
  assert((await ended).reason instanceof PoolLostError, "a temporary one is not kept");
  await host.waitPoolRecovered(1);
  assert.deepEqual([await host.hasActor("a"), await host.hasActor("b")], [false, false]);
  const again = await scene.dozer("a", 30);
  assert.equal(await again.add(1), 11, "killed it has its state");
  await diary.take(0);
});

Deno.test("parked: a family that is made again together takes its parked children along", async () => {
  await using scene = await Scene.open(workerPool({ count: 2 }));
  const { host, diary } = scene;
  const bed = { start: 1, diary };
  const beds = [["a", bed, onPool(1), 1], ["b", bed, onPool(2)]] as const;
  await host.createActor(Dormitory, [beds], {
    place: mainPool(),
    supervision: { strategy: "allForOne", maxRestarts: 10, backoffMs: 1 },
  });
  const [a, b] = [await host.actorRef<Dozer>("a"), await host.actorRef<Dozer>("b")];
  await scene.parked("a");
  await diary.take(2);
  await scene.explode();
  assert.deepEqual(await diary.take(1), ["+b"], "the one that lives is made again");
  await host.waitPoolRecovered(1);
  assert.deepEqual([await a.add(1), await b.add(1)], [2, 2]);
  await scene.parked("a");
  await diary.take(0);
  await assert.rejects(b.fail(), ActorStoppedError);
  assert.deepEqual((await diary.take(2)).toSorted(), ["+a", "+b"]);
  assert.deepEqual([await a.add(1), await b.add(1)], [3, 2]);
});
