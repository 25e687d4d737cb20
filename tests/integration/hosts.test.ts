/** Two hosts: refs work from either, only those who may come in, and a host that dies is mourned. */
import assert from "node:assert/strict";
import {
  ActorNotFoundError,
  type ActorRef,
  ActorStartError,
  ActorStoppedError,
  addressOf,
  anyHost,
  DramatisError,
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
import { Doomed, NeverCreated, Watcher } from "../fixtures/doomed.ts";
import { OldVersioned, Twin, Versioned } from "../fixtures/elsewhere.ts";
import { HostProcess } from "../fixtures/host_process.ts";
import { ACTORS, startTwoHosts } from "./placements.ts";

/** More than any test takes. */
const SOON = { timeoutMs: 60_000 };

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

/** The error with which a call rejects. */
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
    // How old the figures of other hosts are, changes.
    const timeless = (pools: PoolDescription[]) => pools.map((pool) => ({ ...pool, ageMs: 0 }));
    assert.deepEqual(timeless(await here.poolConfig()), timeless(here.pools()));
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
      echoes.push(
        await there.createActor(Echo, [], { place: onPool({ ...pool, host: there.id }) }),
      );
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
    const used = new Map<number, number>();
    for (let i = 0; i < 10; i++) {
      const { host } = addressOf(await here.createActor(Counter, [], { place: anyHost() }));
      used.set(host, (used.get(host) ?? 0) + 1);
    }
    // Evenly, but for one that was under way when the other host reported its load.
    assert(used.get(here.id)! >= 3 && used.get(there.id)! >= 3, JSON.stringify([...used]));
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
      /has tests\.Versioned in version "2", not "1"/,
    );
    await asked(here.createActor(Twin, [], { place }), /several actor types tests\.Twin/);
    assert.deepEqual(there.pools().filter(({ actors }) => actors > 0), []);
    const versioned = await here.createActor(Versioned, [], { place });
    assert.equal(await versioned.madeBy(), "the other host");
  } finally {
    await here.stop();
    await there.stop();
  }
});

Deno.test("hosts: one that has no modules makes nothing for others", async () => {
  await using there = await startHost({ pools: [], listen: { port: 0 } });
  await using here = await startHost({ pools: [], join: [there.address!] });
  await assert.rejects(here.createActor(Counter, [], { place: onHost(there.id) }), {
    name: "ActorStartError",
    message: /has no actor type Counter; it has: none/,
  });
  // What it makes for itself is its own business.
  assert.equal(await (await there.createActor(Counter, [1])).get(), 1);
});

Deno.test("gateway: a wrong or missing token is refused, the right one let in", async () => {
  await using host = await startHost({ pools: [], listen: { port: 0 }, token: "the right one" });
  const join = [host.address!];
  for (const token of [{}, { token: "a wrong one" }, { token: "The right one" }]) {
    await assert.rejects(startHost({ pools: [], join, ...token }), (error) => {
      assert(error instanceof LinkRefusedError);
      assert.match(error.message, /401.*wants its token/);
      return true;
    });
  }
  await using other = await startHost({ pools: [], join, token: "the right one" });
  assert.deepEqual(other.hosts().map(({ id }) => id), [host.id]);
});

Deno.test("startHost: beyond loopback only with a token", async () => {
  for (const hostname of ["0.0.0.0", "::", "192.168.1.5", "example.org"]) {
    await assert.rejects(startHost({ pools: [], listen: { hostname, port: 0 } }), {
      name: "TypeError",
      message: new RegExp(`Cannot listen on ${hostname.replaceAll(".", "\\.")} without a token`),
    });
  }
  await assert.rejects(startHost({ pools: [], token: "" }), { name: "TypeError" });
  await using host = await startHost({
    pools: [],
    listen: { hostname: "0.0.0.0", port: 0 },
    token: "secret",
  });
  assert.match(host.address!, /^0\.0\.0\.0:\d+$/);
});

Deno.test("gateway: a web page is refused, also with the token", async () => {
  await using host = await startHost({ pools: [], listen: { port: 0 }, token: "secret" });
  const url = `http://${host.address}/link`;
  const upgrade = {
    connection: "upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  };
  const authorization = "Bearer secret";
  const status = async (headers: Record<string, string>): Promise<number> => {
    const response = await fetch(url, { headers });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await status({ ...upgrade, authorization, origin: "https://example.org" }), 403);
  assert.equal(await status({ ...upgrade, origin: "null" }), 403);
  assert.equal(await status(upgrade), 401);
  assert.equal(await status({ authorization }), 426);
});

Deno.test("gateway: /healthz says that the host is well, and no more", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })], listen: { port: 0 } });
  const response = await fetch(`http://${host.address}/healthz`);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { ok: true });
  const other = await fetch(`http://${host.address}/other`);
  assert.equal(other.status, 404);
  await other.body?.cancel();
});

Deno.test("startHost: a taken port is AddrInUse, and nothing is left behind", async () => {
  await using host = await startHost({ pools: [], listen: { port: 0 } });
  const port = Number(host.address!.split(":")[1]);
  await assert.rejects(
    startHost({ pools: [workerPool({ count: 1 })], listen: { port } }),
    Deno.errors.AddrInUse,
  );
});

Deno.test("startHost: a host to join that is not there is HostLostError", async () => {
  const gone = await startHost({ pools: [], listen: { port: 0 } });
  const address = gone.address!;
  await gone.stop();
  await assert.rejects(
    startHost({ pools: [workerPool({ count: 1 })], join: [address] }),
    HostLostError,
  );
  await assert.rejects(startHost({ pools: [], join: ["ftp://nowhere"] }), {
    name: "TypeError",
    message: /Cannot join "ftp:\/\/nowhere"/,
  });
});

Deno.test("startHost: a module that cannot be loaded, or has no actors, is named", async () => {
  for (
    const [module, message] of [
      ["file:///nowhere/actors.ts", /Cannot load module file:\/\/\/nowhere\/actors\.ts/],
      ["data:application/javascript,export const x = 1", /exports no actor/],
    ] as const
  ) {
    await assert.rejects(startHost({ pools: [], modules: [module] }), {
      name: "TypeError",
      message,
    });
  }
});

Deno.test("join: a host does not link with itself, and with another once", async () => {
  await withTwoHosts({}, async (here, there) => {
    await assert.rejects(there.join(there.address!), {
      name: "LinkRefusedError",
      message: /a host cannot link with itself/,
    });
    assert.equal((await here.join(there.address!)).id, there.id);
    assert.equal(here.hosts().length, 1);
    const ref = await here.createActor(Counter, [1], { place: onHost(there.id) });
    assert.equal(await ref.get(), 1, "the first link is as good as before");
  });
});

Deno.test("join: two hosts that dial each other at once are linked, and stay so", async () => {
  const common = { listen: { port: 0 }, modules: [ACTORS] };
  const options = { ...common, pools: [], stopTimeoutMs: 200 };
  const hosts = [await startHost(options), await startHost(options)] as const;
  const [a, b] = hosts;
  try {
    const [toB, toA] = await Promise.all([a.join(b.address!), b.join(a.address!)]);
    assert.deepEqual([toB.id, toA.id], [b.id, a.id]);
    for (const [here, there] of [[a, b], [b, a]] as const) {
      assert.deepEqual(here.hosts().map(({ id }) => id), [there.id]);
      const ref = await here.createActor(Counter, [1], { place: onHost(there.id) });
      const sums = await Promise.all([1, 2, 3].map(() => ref.add(1)));
      assert.deepEqual(sums, [2, 3, 4]);
    }
    const doomed = await a.createActor(Gate, [], { place: onHost(b.id) });
    const waiting = rejection(doomed.linger());
    await doomed.entered();
    await b.stop();
    await waiting;
    assert.deepEqual(a.hosts(), []);
  } finally {
    for (const host of hosts) await host.stop();
  }
});

Deno.test("join: the other host may dial back later", async () => {
  await withTwoHosts({ listen: { port: 0 } }, async (here, there) => {
    const ref = await here.createActor(Gate, [], { place: onHost(there.id) });
    const passing = ref.pass(1);
    await ref.entered();
    await there.join(here.address!);
    await ref.open();
    assert.equal(await passing, 1, "what was under way goes on");
    assert.equal(there.hosts().length, 1);
    const back = await there.createActor(Counter, [1], { place: onHost(here.id) });
    assert.equal(await back.get(), 1);
  });
});

/** Calls from both pools of a host that wait for actors of the other. */
async function waitingCalls(
  here: Host,
  there: number,
  kind: "main" | "worker" = "worker",
): Promise<{ doomed: ActorRef<Doomed>; caller: ActorRef<Doomed>; calls: Promise<unknown>[] }> {
  const pool = here.pools().find((pool) => pool.host === there && pool.kind === kind);
  const place = onPool(pool!);
  const doomed = await here.createActor(Doomed, [], { place });
  const caller = await here.createActor(Doomed, [], { place: onPool(workerOf(here)) });
  const watcher = await here.createActor(Watcher, [], { place: onPool(0) });
  const creation = here.createActor(NeverCreated, [watcher], { place });
  const calls = [doomed.wait(), caller.waitFor(doomed), creation];
  for (const call of calls) call.catch(() => {});
  await watcher.seen();
  // Both waits are under way: what is still queued would come back as an ActorStoppedError.
  await caller.ping();
  await doomed.ping();
  return { doomed, caller, calls };
}

for (
  const [name, kind, end, exit] of [
    ["is killed", "worker", (it: HostProcess) => it.kill("SIGKILL"), "lost"],
    ["says goodbye", "main", (it: HostProcess) => it.quit(), "stopped"],
  ] as const
) {
  Deno.test(`a host that ${name}: whoever waits on it is told at once`, async () => {
    await using there = await HostProcess.start("./serve_host.ts");
    await using here = await startHost({
      pools: [workerPool({ count: 1 })],
      join: [there.address],
      graceMs: 120_000,
    });
    const { doomed, caller, calls } = await waitingCalls(here, there.id, kind);
    const started = performance.now();
    await end(there);
    for (const call of calls) {
      const error = await rejection(call);
      const ms = performance.now() - started;
      assert(ms < 30_000, `told after ${ms} ms: as if it might come back`);
      assert(error instanceof HostLostError, String(error));
      assert.equal(error.exit, exit);
    }
    assert.deepEqual(here.hosts(), []);
    assert.deepEqual(here.pools().map(({ name }) => name), ["main", "worker-1"]);
    await assert.rejects(doomed.ping(), HostLostError);
    await assert.rejects(caller.waitFor.with(SOON)(doomed), HostLostError);
    await assert.rejects(here.hasActor(doomed), HostLostError);
    assert.equal(await (await here.createActor(Counter, [1])).get(), 1, "the host lives on");
  });
}

Deno.test("a host that is frozen: whoever waits on it is told after three heartbeats", async () => {
  await using there = await HostProcess.start("./serve_host.ts");
  await using here = await startHost({
    pools: [workerPool({ count: 1 })],
    join: [there.address],
    heartbeatMs: 200,
  });
  const { calls } = await waitingCalls(here, there.id);
  there.kill("SIGSTOP");
  for (const call of calls) {
    const error = await rejection(call);
    assert(error instanceof HostLostError, String(error));
    assert.equal(error.exit, "silent");
  }
});

Deno.test("a pool of another host that dies: whoever waits on it is told", async () => {
  await using there = await HostProcess.start("./serve_host.ts");
  await using here = await startHost({
    pools: [workerPool({ count: 1 })],
    join: [there.address],
  });
  const { doomed, caller, calls } = await waitingCalls(here, there.id);
  doomed.throwLater.tell("uncaught there");
  for (const call of calls) {
    const error = await rejection(call);
    assert(error instanceof PoolLostError, String(error));
    assert.equal(error.exit, "error");
    assert.match((error.cause as Error).message, /uncaught there/);
  }
  const left = here.pools().filter(({ host }) => host === there.id);
  assert.deepEqual(left.map(({ name }) => name), ["main"]);
  await assert.rejects(doomed.ping(), PoolLostError);
  await assert.rejects(caller.waitFor.with(SOON)(doomed), PoolLostError);
  const main = await here.createActor(Counter, [1], { place: onHost(there.id) });
  assert.equal(await main.get(), 1);
});

Deno.test("stop: the running message ends, queued ones come back, later ones are refused", async () => {
  for (const place of [0, 1]) {
    const here = await startHost({ pools: [workerPool({ count: 1 })] });
    const counter = await here.createActor(Counter, [7], { place: onPool(place) });
    const running = counter.slow(200);
    const queued = rejection(counter.add(1));
    await counter.peek();
    const stopped = here.stop();
    assert(await queued instanceof ActorStoppedError);
    assert.equal(await running, 7);
    await stopped;
    await assert.rejects(counter.get(), DramatisError);
    await assert.rejects(here.createActor(Counter, []), DramatisError);
    assert.equal(here.stop(), stopped, "once");
  }
});
