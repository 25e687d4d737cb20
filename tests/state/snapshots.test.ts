/** States of actors: saved on demand and by themselves, and back when their actors are. */
import assert from "node:assert/strict";
import {
  type ActorRef,
  ActorStartError,
  type CreateOptions,
  type DeadLetter,
  type Host,
  type HostOptions,
  mainPool,
  NotSerializableError,
  onPool,
  type Placement,
  PoolLostError,
  type PoolRecoveredEvent,
  processPool,
  SnapshotError,
  type SnapshotStore,
  type SnapshotStoreSpec,
  sqliteStore,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { ManualClock, settled } from "@dramatis/dramatis/testing";
import { startHostWith } from "../../src/host/start_host.ts";
import {
  Grudge,
  Ledger,
  Parent,
  Plain,
  Tally,
  Unkept,
  Versioned1,
  Versioned2,
  Versioned3,
} from "../fixtures/state_actors.ts";

const SOON = { timeoutMs: 30_000 };

function open(options: HostOptions = {}): Promise<Host> {
  return startHost({ pools: [], debug: false, onDeadLetter: () => {}, ...options });
}

/** Makes an actor in the main pool. */
function tally(
  host: Host,
  uid: string,
  options: CreateOptions<Placement> = {},
): Promise<ActorRef<Tally>> {
  return host.createActor(Tally, [100], { uid, place: mainPool(), ...options });
}

async function withFile(body: (store: SnapshotStoreSpec) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dramatis-state-" });
  try {
    await body(sqliteStore({ path: `${folder}/state.db`, survives: "process" }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A store in memory that the test sees, holds up and breaks. */
class SeenStore implements SnapshotStoreSpec {
  readonly kind = "seen";
  readonly kept = new Map<string, Uint8Array>();
  readonly #waiting: (() => void)[] = [];
  readonly #owners = new Map<string, number>();
  puts = 0;
  failure: Error | null = null;
  isHeld = false;
  #onPut: (() => void) | undefined;
  /** The store of one host is not that of another. */
  open(): Promise<SnapshotStore> {
    return Promise.resolve({
      scope: "host",
      claim: (key) => {
        const owner = (this.#owners.get(key) ?? 0) + 1;
        this.#owners.set(key, owner);
        return Promise.resolve({
          bytes: this.kept.get(key) ?? null,
          put: async (bytes) => {
            this.puts++;
            this.#onPut?.();
            if (this.isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
            if (this.failure !== null) throw this.failure;
            if (this.#owners.get(key) !== owner) throw new SnapshotError("fenced", "fenced");
            this.kept.set(key, bytes);
          },
          delete: () => {
            if (this.#owners.get(key) === owner) this.kept.delete(key);
            return Promise.resolve();
          },
        });
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }
  /** Resolves when the next is to be put. */
  nextPut(): Promise<void> {
    return new Promise((resolve) => this.#onPut = resolve);
  }
  release(): void {
    this.isHeld = false;
    for (const go of this.#waiting.splice(0)) go();
  }
}

for (const [name, spec] of [["worker", workerPool], ["process", processPool]] as const) {
  Deno.test(`state: in a ${name} pool that dies, what was saved is back, and only that`, async () => {
    const ups: PoolRecoveredEvent[] = [];
    await using host = await open({
      pools: [spec({ count: 1 })],
      recovery: { onPoolRecovered: (event) => void ups.push(event) },
    });
    const place = onPool(1);
    const saved = await tally(host, "saved", { place });
    const never = await tally(host, "never", { place });
    const nobody = await host.createActor(Tally, [7], { place });
    assert.deepEqual([await saved.addAndSave(5), await nobody.addAndSave(1)], [105, 8]);
    assert.deepEqual([await saved.add(1), await never.add(1)], [106, 101]);
    const waiting = saved.wait();
    saved.crash.tell();
    await assert.rejects(waiting, PoolLostError);
    assert.equal(await saved.get(), 105, "what was not saved is lost");
    await host.waitPoolRecovered(1, SOON);
    assert.deepEqual([await never.get(), await nobody.get()], [100, 8]);
    assert.deepEqual(await saved.trace(), ["made", "restore", "postCreate"]);
    const { version, ageMs, savedAt } = (await saved.info())!;
    assert.deepEqual([version, await never.info()], ["", null]);
    assert(ageMs >= 0 && savedAt <= Date.now());
    const [{ actors, restored }] = ups as [PoolRecoveredEvent];
    assert.equal(actors, 3);
    assert.deepEqual(
      restored.map(({ uid }) => uid).sort(),
      ["saved", nobodyUid(host, restored.map(({ uid }) => uid))].sort(),
    );
    assert(restored.every(({ ageMs }) => ageMs >= 0));
    const seen = (await host.inspect()).pools[1]!.actors;
    const byUid = new Map(seen.map(({ address, saved }) => [address.uid, saved]));
    assert.equal(byUid.get("never")?.restoredAgeMs, null);
    assert(typeof byUid.get("saved")?.restoredAgeMs === "number");
  });
}

/** The uid that was not given. */
function nobodyUid(_host: Host, uids: string[]): string {
  return uids.find((uid) => uid !== "saved") ?? "missing";
}

Deno.test("state: a SQLite file brings it back after the host was stopped, and after a kill of the actor", () =>
  withFile(async (store) => {
    {
      await using host = await open({ state: { store }, pools: [workerPool({ count: 1 })] });
      await (await tally(host, "worker", { place: onPool(1) })).add(1);
      await (await tally(host, "main")).add(2);
      await (await tally(host, "renamed", { name: "leader" })).add(3);
      await (await tally(host, "destroyed")).addAndSave(4);
      await host.destroyActor("destroyed");
      const killed = await tally(host, "killed");
      await killed.addAndSave(5);
      await killed.add(1);
      await host.killActor("killed");
      assert.equal(await (await tally(host, "killed")).get(), 105);
      await (await host.createActor(Tally, [0], { place: mainPool() })).add(1);
    }
    await using host = await open({ state: { store }, pools: [workerPool({ count: 1 })] });
    assert.equal(await (await tally(host, "worker", { place: onPool(1) })).get(), 101);
    assert.equal(await (await tally(host, "main")).get(), 102, "saved when the host stopped");
    assert.equal(await (await tally(host, "by name", { name: "leader" })).get(), 103);
    assert.equal(await (await tally(host, "destroyed")).get(), 100, "destroyed is forgotten");
    assert.equal(await (await tally(host, "killed")).get(), 105);
    await host.killActor("main");
    await host.dropSnapshot({ uid: "main" });
    assert.equal(await (await tally(host, "main")).get(), 100);
  }));

Deno.test("state: a child's is kept when the host stops, and forgotten when its parent is destroyed", () =>
  withFile(async (store) => {
    const run = async (body: (host: Host, parent: ActorRef<Parent>) => Promise<void>) => {
      await using host = await open({ state: { store }, pools: [workerPool({ count: 1 })] });
      await body(host, await host.createActor(Parent, [], { uid: "parent", place: onPool(1) }));
    };
    await run(async (_host, parent) => assert.equal(await parent.add(1), 101));
    await run(async (host, parent) => {
      assert.equal(await parent.add(1), 102);
      await host.destroyActor(parent);
    });
    await run(async (_host, parent) => assert.equal(await parent.add(1), 101));
  }));

Deno.test("state: what was destroyed is forgotten, also if its preDestroy throws", () =>
  withFile(async (store) => {
    await using host = await open({ pools: [workerPool({ count: 1 })], state: { store } });
    for (const pool of [0, 1]) {
      const options = { uid: "grudge", place: onPool(pool) };
      const grudge = await host.createActor(Grudge, [100], options);
      await grudge.add(5);
      await host.snapshot(grudge);
      await assert.rejects(host.destroyActor(grudge), /not yet/);
      const again = await host.createActor(Grudge, [100], options);
      assert.equal(await again.add(0), 100);
      await host.killActor(again);
      await host.dropSnapshot({ uid: "grudge" });
    }
  }));

Deno.test("state: values are those of messages, and no message is in the middle", async () => {
  await using host = await open({ pools: [workerPool({ count: 1 })] });
  const options = { uid: "ledger", snapshot: { every: 1 }, place: onPool(1) };
  const ledger = await host.createActor(Ledger, [], options);
  await ledger.put("a", Float64Array.of(1, 2.5));
  const moves = Array.from({ length: 20 }, () => ledger.move());
  const saves = Array.from({ length: 5 }, () => host.snapshot(ledger));
  await Promise.all([...moves, ...saves]);
  await host.killActor(ledger);
  const again = await host.createActor(Ledger, [], options);
  assert.deepEqual(await again.rows(), [["a", 5, [1, 2.5]]]);
  assert.equal(await again.sum(), 0, "both halves of each move, or none");
});

Deno.test("state: is saved every n messages, and so long after one", async () => {
  const store = new SeenStore();
  const clock = new ManualClock();
  const options = { pools: [], debug: false as const, state: { store } };
  const host = await startHostWith(options, clock);
  try {
    const every = await tally(host, "every", { snapshot: { every: 3 } });
    for (let i = 0; i < 7; i++) await every.add(1);
    await settled();
    assert.equal(store.puts, 2);
    const interval = await tally(host, "interval", { snapshot: { intervalMs: 1000 } });
    await clock.advance(10_000);
    assert.equal(store.puts, 2, "nothing has changed");
    await interval.add(1);
    await clock.advance(600);
    await interval.add(1);
    await clock.advance(399);
    assert.equal(store.puts, 2);
    await clock.advance(1);
    assert.equal(store.puts, 3);
    await clock.advance(10_000);
    assert.equal(store.puts, 3);
  } finally {
    await host.stop();
  }
});

Deno.test("state: save resolves when the store has it, and saves meanwhile are one", async () => {
  const store = new SeenStore();
  await using host = await open({ state: { store } });
  const counter = await tally(host, "c");
  store.isHeld = true;
  const put = store.nextPut();
  let isSaved = false;
  const first = counter.addAndSave(1).then(() => isSaved = true);
  await put;
  await settled();
  assert.equal(isSaved, false);
  // The first holds the lock; these wait for it.
  const saves = Array.from({ length: 10 }, () => host.snapshot(counter));
  store.release();
  await first;
  await Promise.all(saves);
  assert(store.puts <= 11 && store.kept.has("uid:c"));
});

Deno.test("state: what cannot be kept is refused to who asks, and else told as a dead letter", async () => {
  const store = new SeenStore();
  const letters: DeadLetter[] = [];
  await using host = await open({
    state: { store, maxBytes: 1000 },
    onDeadLetter: (letter) => letters.push(letter),
  });
  const unkept = await host.createActor(Unkept, [], { uid: "u" });
  await assert.rejects(unkept.save("function"), (error) => {
    assert(error instanceof NotSerializableError);
    return /deep/.test(error.message);
  });
  await assert.rejects(unkept.save("large"), (error) => {
    assert(error instanceof SnapshotError);
    assert.equal(error.reason, "size");
    return /2\d\d\d bytes, more than 1000.*state\.maxBytes/.test(error.message);
  });
  await unkept.save("small");
  const plain = await host.createActor(Plain, [], { uid: "p" });
  await assert.rejects(plain.save(), /Plain p.*snapshot\(\) and restore\(state\)/);
  await assert.rejects(host.snapshot(plain), /snapshot\(\) and restore\(state\)/);
  await assert.rejects(
    host.createActor(Plain, [], { snapshot: { every: 1 } }),
    /snapshot\(\) and restore\(state\)/,
  );
  const wrong = (options: CreateOptions<Placement>) => host.createActor(Tally, [], options);
  await assert.rejects(wrong({ snapshot: { every: 0 } }), /snapshot\.every is a whole number/);
  await assert.rejects(wrong({ snapshot: { intervalMs: -1 } }), /snapshot\.intervalMs/);
  await assert.rejects(wrong({ idleMs: Infinity }), /idleMs is a number of milliseconds/);

  store.failure = new SnapshotError("The disk is full", "store");
  const counter = await tally(host, "c", { snapshot: { every: 1 } });
  await counter.add(1);
  await assert.rejects(host.snapshot(counter), /The disk is full/);
  assert.equal(await counter.get(), 101, "it goes on");
  await settled();
  const told = letters.filter(({ method }) => method === "snapshot");
  assert(told.length > 0 && told.every(({ to }) => to.uid === "c"));
  const seen = (await host.inspect()).pools[0]!.actors.find(({ type }) => type === "Tally");
  assert.match(seen!.saved!.error!.message, /The disk is full/);
  store.failure = null;
});

Deno.test("state: another version is migrated, or refused with what to do; so is another type", () =>
  withFile(async (store) => {
    {
      await using host = await open({ state: { store } });
      for (const uid of ["a", "b", "c"]) await host.createActor(Versioned1, [], { uid });
    }
    await using host = await open({ state: { store } });
    assert.equal(await (await host.createActor(Versioned2, [], { uid: "a" })).get(), 401);
    for (const type of [Versioned3, Tally]) {
      const error = await host.createActor(type as typeof Tally, [], { uid: "b" }).catch((e) => e);
      assert(error instanceof ActorStartError, String(error));
      assert.equal(error.phase, "restore");
      assert.match(
        error.message,
        type === Tally ? /of type Versioned, not Tally/ : /saved by version "1"/,
      );
      assert.equal(await host.hasActor("b"), false);
    }
    await host.dropSnapshot({ uid: "b" });
    await host.createActor(Versioned3, [], { uid: "b" });
  }));

Deno.test("state: an instance that has been replaced cannot save over its successor", async () => {
  await using host = await open({ pools: [workerPool({ count: 1 })] });
  const counter = await tally(host, "c", { place: onPool(1) });
  await counter.addAndSave(1);
  await host.dropSnapshot({ uid: "c" });
  await assert.rejects(counter.addAndSave(1), (error) => {
    assert(error instanceof SnapshotError);
    return error.reason === "fenced";
  });
});

Deno.test("state: a store that cannot be opened refuses the start of its host", async () => {
  const store = sqliteStore({ path: "/nowhere/at/all/state.db" });
  await assert.rejects(open({ state: { store } }), SnapshotError);
  await assert.rejects(open({ state: { store: {} as never } }), /state\.store is memoryStore/);
  await assert.rejects(open({ state: { maxBytes: 0 } }), /state\.maxBytes/);
});
