/** Hosts that learn of each other by others: each pair has one link, opened when it is first needed. */
import assert from "node:assert/strict";
import {
  addressOf,
  anyHost,
  connect,
  type Host,
  type HostEvent,
  HostLostError,
  onHost,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { peersOf } from "../../src/host/host.ts";
import { Sequence } from "../fixtures/sequence.ts";
import { TcpProxy } from "./tcp_proxy.ts";

const MODULE = new URL("../fixtures/sequence.ts", import.meta.url).href;
const COMMON = {
  pools: [],
  modules: [MODULE],
  debug: false as const,
  stopTimeoutMs: 500,
  onDeadLetter: () => {},
};

/** A host that listens, and joins these. */
function listening(...join: readonly Host[]): Promise<Host> {
  const urls = join.map(({ address }) => address!);
  return startHost({ ...COMMON, listen: { port: 0 }, join: urls });
}

/** A host that cannot be dialled. */
function hidden(...join: readonly Host[]): Promise<Host> {
  return startHost({ ...COMMON, join: join.map(({ address }) => address!) });
}

/** Resolves once a host knows so many others. */
function knows(host: Host, count: number): Promise<void> {
  return until(host, () => host.hosts().length === count);
}

/** Resolves once this holds; looked at whenever the host hears of others. */
function until(host: Host, holds: () => boolean): Promise<void> {
  if (holds()) return Promise.resolve();
  return new Promise((resolve) => {
    const watch = host.watchHosts(() => {
      if (!holds()) return;
      watch[Symbol.dispose]();
      resolve();
    });
  });
}

function linkedWith(host: Host): number[] {
  return peersOf(host).hosts.map(({ id }) => id).sort((a, b) => a - b);
}

Deno.test("mesh: hosts that have joined the same one know each other, and dial when they need to", async () => {
  await using seed = await listening();
  await using b = await listening(seed);
  await using c = await listening(seed);
  await Promise.all([knows(b, 2), knows(c, 2)]);
  assert.deepEqual([linkedWith(b), linkedWith(c)], [[seed.id], [seed.id]]);
  const ref = await b.createActor(Sequence, [], { place: onHost(c.id) });
  const calls = Array.from({ length: 100 }, (_, n) => ref.take(n));
  assert.equal((await Promise.all(calls)).length, 100);
  assert.deepEqual(await ref.state(), { next: 100, faults: 0 });
  assert.ok(linkedWith(b).includes(c.id) && linkedWith(c).includes(b.id));
  // It does not need the seed any more.
  await seed.stop();
  await ref.take(100);
  assert.deepEqual(await ref.state(), { next: 101, faults: 0 });
  assert.deepEqual(b.hosts().map(({ id, state }) => [id, state]), [[c.id, "live"]]);
});

Deno.test("mesh: a host that is only known is a place for actors", async () => {
  await using seed = await listening();
  await using b = await listening(seed);
  await using c = await startHost({
    ...COMMON,
    pools: [workerPool({ count: 2 })],
    listen: { port: 0 },
    join: [seed.address!],
  });
  await knows(b, 2);
  const ref = await b.createActor(Sequence, [], { place: anyHost() });
  assert.equal(addressOf(ref).host, c.id);
  assert.equal(await ref.take(0), 0);
});

Deno.test("mesh: 60 crossed dials of two hosts leave one link, and every message comes once and in order", async () => {
  for (let round = 0; round < 60; round++) {
    await using a = await listening();
    await using b = await listening();
    const [toB, toA] = await Promise.all([a.join(b.address!), b.join(a.address!)]);
    assert.deepEqual([toB.id, toA.id], [b.id, a.id]);
    const sides = [[a, b], [b, a]] as const;
    await Promise.all(sides.map(async ([here, there]) => {
      const ref = await here.createActor(Sequence, [], { place: onHost(there.id) });
      for (let n = 0; n < 20; n++) {
        if (n % 2 === 0) ref.take.tell(n);
        else await ref.take(n);
      }
      assert.deepEqual(await ref.state(), { next: 20, faults: 0 });
      assert.deepEqual(linkedWith(here), [there.id]);
    }));
    assert.equal(await socketsOf(a) + await socketsOf(b), 1, `round ${round}`);
  }
});

/** The links that others have opened with a host. */
async function socketsOf(host: Host): Promise<number> {
  const text = await (await fetch(`http://${host.address}/metrics`)).text();
  return Number(/^dramatis_gateway_links (\d+)/m.exec(text)![1]);
}

Deno.test("mesh: 8 hosts that all need each other at once have one link a pair", async () => {
  await using stack = new AsyncDisposableStack();
  const hosts = [stack.use(await listening())];
  for (let i = 1; i < 8; i++) hosts.push(stack.use(await listening(hosts[0]!)));
  await Promise.all(hosts.map((host) => knows(host, 7)));
  await Promise.all(
    hosts.flatMap((here) =>
      hosts.filter((there) => there !== here).map(async (there) => {
        const ref = await here.createActor(Sequence, [], { place: onHost(there.id) });
        for (let n = 0; n < 50; n++) ref.take.tell(n);
        assert.deepEqual(await ref.state(), { next: 50, faults: 0 });
      })
    ),
  );
  const links = await Promise.all(hosts.map(socketsOf));
  assert.equal(links.reduce((sum, count) => sum + count), 28);
  for (const host of hosts) assert.equal(linkedWith(host).length, 7);
});

Deno.test("mesh: 12 hosts that join at once know each other, and any two can call, without a storm of dials", async () => {
  await using stack = new AsyncDisposableStack();
  const seed = stack.use(await listening());
  const others = await Promise.all(Array.from({ length: 11 }, () => listening(seed)));
  const hosts = [seed, ...others.map((host) => stack.use(host))];
  await Promise.all(hosts.map((host) => knows(host, 11)));
  for (const host of hosts) assert.ok(host.hosts().every(({ state }) => state === "live"));
  await Promise.all(
    hosts.flatMap((here) =>
      hosts.filter((there) => there !== here).map(async (there) => {
        const ref = await here.createActor(Sequence, [], { place: onHost(there.id) });
        assert.equal(await ref.take(0), 0);
      })
    ),
  );
  for (const host of hosts) assert.equal(linkedWith(host).length, 11);
  const links = await Promise.all(hosts.map(socketsOf));
  assert.equal(links.reduce((sum, count) => sum + count), 66);
  const dials = await Promise.all(hosts.map(dialsOf));
  const refused = await Promise.all(hosts.map(refusalsOf));
  assert.equal(refused.reduce((sum, count) => sum + count), 0, "who asks at once is not refused");
  // Both of two may dial at once.
  assert.ok(dials.reduce((sum, count) => sum + count) <= 132, String(dials));
});

/** Sockets that others have opened with a host so far. */
async function dialsOf(host: Host): Promise<number> {
  const text = await (await fetch(`http://${host.address}/metrics`)).text();
  return Number(/^dramatis_gateway_answers_total\{status="101"\} (\d+)/m.exec(text)?.[1] ?? 0);
}

/** Whoever a host has refused so far, for whatever reason. */
async function refusalsOf(host: Host): Promise<number> {
  const text = await (await fetch(`http://${host.address}/metrics`)).text();
  const counts = text.matchAll(/^dramatis_gateway_refusals_total\{[^}]*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

Deno.test("mesh: a host that is known by others alone is unreachable while their link with it is lost", async () => {
  const quick = { ...COMMON, heartbeatMs: 100, graceMs: 600_000 };
  await using seed = await startHost({ ...quick, listen: { port: 0 } });
  await using proxy = new TcpProxy(Number(seed.address!.split(":").at(-1)));
  await using far = await startHost({ ...quick, join: [proxy.url] });
  await using here = await startHost({ ...quick, join: [seed.address!] });
  await knows(here, 2);
  const kinds: string[] = [];
  const stateOf = () => here.hosts().find(({ id }) => id === far.id)!.state;
  using _watch = here.watchHosts(({ kind, host }) => host.id === far.id && kinds.push(kind));
  proxy.fence();
  await until(here, () => stateOf() === "unreachable");
  proxy.lift();
  await until(here, () => stateOf() === "live");
  assert.deepEqual(kinds, ["unreachable", "back"]);
});

Deno.test("mesh: hosts that cannot dial each other go by way of one that both are linked with", async () => {
  await using relay = await listening();
  await using b = await hidden(relay);
  await using c = await hidden(relay);
  await Promise.all([knows(b, 2), knows(c, 2)]);
  // Both at once: they ask each other, and one link wins.
  const refs = await Promise.all([
    b.createActor(Sequence, [], { place: onHost(c.id) }),
    c.createActor(Sequence, [], { place: onHost(b.id) }),
  ]);
  for (const ref of refs) {
    const calls: Promise<number>[] = [];
    for (let n = 0; n < 2_000; n++) {
      if (n % 100 === 50) ref.take.tell(n, new Uint8Array(300_000));
      else if (n % 2 === 0) ref.take.tell(n);
      else calls.push(ref.take(n));
    }
    await Promise.all(calls);
    assert.deepEqual(await ref.state(), { next: 2_000, faults: 0 });
  }
  assert.deepEqual(linkedWith(b), [relay.id, c.id].sort((x, y) => x - y));
});

Deno.test("mesh: a host at an address that leads nowhere is reached by way of another", async () => {
  await using relay = await listening();
  await using b = await hidden(relay);
  // Whoever dials it reaches the relay instead.
  await using c = await startHost({
    ...COMMON,
    listen: { port: 0, advertise: relay.address! },
    join: [relay.address!],
  });
  await knows(b, 2);
  const ref = await b.createActor(Sequence, [], { place: onHost(c.id) });
  assert.equal(await ref.take(0), 0);
});

Deno.test("mesh: a host is dialled where it says that others reach it, and not where it listens", async () => {
  await using seed = await listening();
  const port = freePort();
  await using proxy = new TcpProxy(port);
  const advertise = proxy.url.replace("ws://", "");
  await using c = await startHost({
    ...COMMON,
    listen: { port, advertise },
    join: [seed.address!],
  });
  await using b = await listening(seed);
  await knows(b, 2);
  const ref = await b.createActor(Sequence, [], { place: onHost(c.id) });
  assert.equal(await ref.take(0), 0);
  assert.equal(proxy.connections, 2, "there and on");
});

/** A port that nobody listens on. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test({
  name: "mesh: hosts with IPv6 addresses join and dial each other",
  ignore: !hasIPv6(),
  fn: async () => {
    const at = (...join: readonly Host[]) =>
      startHost({
        ...COMMON,
        listen: { port: 0, hostname: "::1" },
        join: join.map(({ address }) => `ws://${address}`),
      });
    await using seed = await at();
    assert.match(seed.address!, /^\[::1\]:\d+$/);
    await using b = await at(seed);
    await using c = await at(seed);
    await Promise.all([knows(b, 2), knows(c, 2)]);
    const ref = await b.createActor(Sequence, [], { place: onHost(c.id) });
    await seed.stop();
    assert.equal(await ref.take(0), 0);
    await using client = await connect(`ws://${c.address}`);
    assert.equal(await (await client.actorRef<Sequence>(addressOf(ref).uid)).take(1), 1);
  },
});

function hasIPv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("mesh: the death of a relay is HostLostError for what went by it, and another way is taken then", async () => {
  await using one = await listening();
  await using b = await hidden(one);
  await using c = await hidden(one);
  await Promise.all([knows(b, 2), knows(c, 2)]);
  const ref = await b.createActor(Sequence, [], { place: onHost(c.id) });
  const waiting = ref.wait().then(() => null, (error) => error);
  await ref.state();
  await using two = await listening();
  await Promise.all([b.join(two.address!), c.join(two.address!)]);
  const known = knows(b, 2);
  await one.stop();
  const error = await waiting;
  assert.ok(error instanceof HostLostError, String(error));
  assert.match(error.message, /by way of which/);
  await known;
  // The other way is taken after a while in which the host itself might turn out to be gone.
  const again = { idempotent: true, retry: { times: 6, backoffMs: 100 } };
  assert.equal(await ref.take.with(again)(0), 0);
  await two.stop();
  await Promise.all([knows(b, 0), knows(c, 0)]);
  await assert.rejects(ref.take(1), HostLostError);
});

Deno.test("mesh: a chain of relays is as long as they say, and has no circles", async () => {
  await using stack = new AsyncDisposableStack();
  // Each is linked with the next alone, and the last with the first two.
  const chain = [stack.use(await listening())];
  for (let i = 1; i < 5; i++) chain.push(stack.use(await listening(chain[i - 1]!)));
  const near = stack.use(await hidden(chain[0]!));
  const far = stack.use(await hidden(chain[3]!));
  const beyond = stack.use(await hidden(chain[4]!));
  const isKnown = (host: Host, other: Host) => host.hosts().some(({ id }) => id === other.id);
  await until(near, () => isKnown(near, far));
  const ref = await near.createActor(Sequence, [], { place: onHost(far.id) });
  assert.equal(await ref.take(0), 0);
  assert.ok(!isKnown(near, beyond), "it is past the limit");
  await assert.rejects(near.actorRef("x", beyond.id), HostLostError);
});

Deno.test("mesh: what becomes of a host that is only known is told once", async () => {
  await using seed = await listening();
  await using b = await listening(seed);
  const c = await listening(seed);
  await knows(b, 2);
  const events: HostEvent[] = [];
  using _watch = b.watchHosts((event) => events.push(event));
  const gone = knows(b, 1);
  await c.stop();
  await gone;
  assert.deepEqual(events.map(({ kind, host: { id } }) => [kind, id]), [["down", c.id]]);
});
