/** Two hosts: refs work from either, only those who may come in, and a host that dies is mourned. */
import assert from "node:assert/strict";
import {
  addressOf,
  ActorNotFoundError,
  ActorStartError,
  anyHost,
  type Host,
  HostLostError,
  type HostOptions,
  LinkRefusedError,
  onHost,
  onPool,
  PlacementError,
  type PoolDescription,
  PoolLostError,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Counter, Echo, Gate, Manager } from "../fixtures/actors.ts";
import { Doomed } from "../fixtures/doomed.ts";
import {
  FirstTwin,
  OldVersioned,
  SameVersioned,
  Versioned,
} from "../fixtures/versions.ts";
import { ACTORS, startTwoHosts } from "./placements.ts";

const fixture = (file: string) => new URL(`../fixtures/${file}`, import.meta.url).href;

/** Starts two linked hosts and stops them after the body. */
async function withTwoHosts(
  options: HostOptions,
  body: (here: Host, there: Host) => Promise<void>,
): Promise<void> {
  const [here, there] = await startTwoHosts(options);
  try {
    await body(here, there);
  } finally {
    await here.stop();
    await there.stop();
  }
}

function workerOf(host: Host): PoolDescription {
  return host.pools().find((pool) => pool.host === host.id && pool.kind === "worker")!;
}

/** Rejects with that error, and tells in how many milliseconds. */
async function rejection(call: Promise<unknown>): Promise<Error> {
  try {
    await call;
  } catch (error) {
    assert(error instanceof Error);
    return error;
  }
  assert.fail("it was answered");
}

Deno.test("hosts: each knows the other and its pools", async () => {
  await withTwoHosts({}, async (here, there) => {
    assert.deepEqual(here.hosts().map(({ id }) => id), [there.id]);
    assert.deepEqual(there.hosts().map(({ id }) => id), [here.id]);
    const names = (host: Host) => host.pools().map((pool) => `${pool.host} ${pool.name}`);
    assert.deepEqual(names(here), [
      `${here.id} main`,
      `${here.id} worker-1`,
      `${there.id} main`,
      `${there.id} worker-1`,
    ]);
    assert.deepEqual(await here.poolConfig(), here.pools());
    assert.equal(here.hosts()[0]!.address, there.address);
  });
});

Deno.test("hosts: a ref made on one works from every pool of the other", async () => {
  await withTwoHosts({}, async (here, there) => {
    const echoes = [];
    for (const pool of [here.pools()[0]!, workerOf(here)]) {
      echoes.push(await here.createActor(Echo, [], { place: onPool(pool) }));
    }
    for (const pool of [there.pools()[0]!, workerOf(there)]) {
      echoes.push(await there.createActor(Echo, [], { place: onPool({ ...pool, host: there.id }) }));
    }
    const value = { list: [1, new Map([["a", new Set([2n])]])], bytes: new Uint8Array(100_000) };
    for (const from of echoes) {
      for (const to of echoes) assert.deepEqual(await from.via(to, value), value);
    }
  });
});

Deno.test("hosts: actors are made, found and ended across hosts", async () => {
  await withTwoHosts({}, async (here, there) => {
    const far = await here.createActor(Counter, [1], { uid: "far", place: onHost(there.id) });
    assert.equal(addressOf(far).host, there.id);
    assert.equal(await far.add(1), 2);
    assert.equal(await there.hasActor("far"), true);
    assert.equal(await here.hasActor("far"), false, "uids are a host's own");
    assert.equal(await here.hasActor(far), true);
    assert.deepEqual(addressOf(await here.actorRef("far", there.id)), addressOf(far));
    const near = await here.createActor(Counter, [5], { uid: "far" });
    assert.equal(await near.get(), 5);
    // From inside an actor, and a worker.
    const manager = await here.createActor(Manager, [], { place: onPool(workerOf(here)) });
    assert.equal(await manager.has(far), true);
    await manager.end(far);
    await assert.rejects(far.get(), ActorNotFoundError);
    assert.equal(await near.get(), 5);
    await assert.rejects(here.actorRef("far", there.id), ActorNotFoundError);
    await assert.rejects(here.actorRef("far", 12345), HostLostError);
  });
});

Deno.test("hosts: placement stays at home unless it is told otherwise", async () => {
  await withTwoHosts({}, async (here, there) => {
    for (let i = 0; i < 3; i++) {
      const ref = await here.createActor(Counter, [i]);
      assert.equal(addressOf(ref).host, here.id);
    }
    const wide = await here.createActor(Counter, [], { place: anyHost() });
    assert.equal(addressOf(wide).host, there.id, "the emptier one");
    assert.equal(here.poolOf(wide).host, there.id);
    await assert.rejects(
      here.createActor(Counter, [], { place: onHost(12345) }),
      PlacementError,
    );
  });
});

Deno.test("hosts: only registered types, each by one name in one version", async () => {
  const there = await startHost({
    pools: [workerPool({ count: 1 })],
    listen: { port: 0 },
    modules: [fixture("versions.ts")],
  });
  const here = await startHost({ pools: [], join: [there.address!] });
  try {
    const place = onHost(there.id);
    const asked = (call: Promise<unknown>, message: RegExp) =>
      assert.rejects(call, (error) => {
        assert(error instanceof ActorStartError);
        assert.equal(error.phase, "load");
        assert.match(error.message, message);
        return true;
      });
    await asked(
      here.createActor(Counter, [], { place }),
      /has no actor type Counter; it has: .*tests\.Versioned version 2.*--modules/,
    );
    await asked(
      here.createActor(OldVersioned, [], { place }),
      /has tests\.Versioned in version "2", "1", "2", not|several actor types tests\.Versioned/,
    );
    await asked(here.createActor(FirstTwin, [], { place }), /several actor types tests\.Twin/);
    assert.deepEqual(await there.poolConfig().then((pools) => pools.map((p) => p.actors)), [0, 0, 0]);
  } finally {
    await here.stop();
    await there.stop();
  }
});
