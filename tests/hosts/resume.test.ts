/** Two hosts over real sockets, whose way is cut: what is sent comes once and in order, or the sender hears of it. */
import assert from "node:assert/strict";
import {
  type ActorRef,
  connect,
  type Host,
  HostLostError,
  MailboxFullError,
  onHost,
  startHost,
} from "@dramatis/dramatis";
import { Sequence } from "../fixtures/sequence.ts";
import { TcpProxy } from "./tcp_proxy.ts";

const MODULE = new URL("../fixtures/sequence.ts", import.meta.url).href;

interface Stage {
  readonly here: Host;
  readonly there: Host;
  readonly proxy: TcpProxy;
}

/** Long enough that no link is given up for a slow machine. */
const PATIENT = { heartbeatMs: 10_000, graceMs: 60_000 };

/** What tells the end of a wait from one for a grace time of {@linkcode PATIENT} hosts. */
const SOON_MS = 20_000;

async function withHosts(
  options: { heartbeatMs: number; graceMs: number },
  body: (stage: Stage) => Promise<void>,
): Promise<void> {
  const common = {
    ...options,
    pools: [],
    debug: false as const,
    stopTimeoutMs: 200,
    modules: [MODULE],
    onDeadLetter: () => {},
  };
  await using there = await startHost({ ...common, listen: { port: 0 } });
  await using proxy = new TcpProxy(Number(there.address!.split(":").at(-1)));
  await using here = await startHost({ ...common, join: [proxy.url] });
  await body({ here, there, proxy });
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * count));
}

/** Sends so many numbers as calls and tells, a few of them large, in turns over the whole time. */
async function send(ref: ActorRef<Sequence>, count: number, until: Promise<void>): Promise<void> {
  const calls: Promise<number>[] = [];
  const called: number[] = [];
  const large = new Uint8Array(500_000);
  let isOver = false;
  void until.then(() => isOver = true);
  for (let n = 0; n < count; n++) {
    if (n % 10_000 === 5_000) ref.take.tell(n, large);
    else if (n % 2 === 0) {
      called.push(n);
      const call = ref.take(n);
      // All are looked at in the end.
      call.catch(() => {});
      calls.push(call);
    } else ref.take.tell(n);
    // A burst every few milliseconds, until the way is open again; then the rest.
    if (n % 100 === 99 && (!isOver || n % 1000 === 999)) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  assert.deepEqual(await Promise.all(calls), called);
}

for (
  const [count, name, begin, end] of [
    [50_000, "cut, and nobody listens", (proxy: TcpProxy) => {
      proxy.close();
      proxy.cut();
    }, (proxy: TcpProxy) => proxy.open()],
    [20_000, "silent", (proxy: TcpProxy) => proxy.fence(), (proxy: TcpProxy) => proxy.lift()],
    [20_000, "cut, and dials hang", (proxy: TcpProxy) => {
      proxy.fence();
      proxy.cut();
    }, (proxy: TcpProxy) => proxy.lift()],
  ] as const
) {
  const pauseMs = count / 50;
  Deno.test(`hosts: ${count} tells and calls over ${pauseMs} ms in which the way is ${name}`, () =>
    withHosts(PATIENT, async ({ here, there, proxy }) => {
      const mailbox = { messages: count };
      const ref = await here.createActor(Sequence, [], { place: onHost(there.id), mailbox });
      const partition = (async () => {
        await seconds(0.1);
        begin(proxy);
        await seconds(pauseMs / 1000);
        end(proxy);
      })();
      await send(ref, count, partition);
      await partition;
      assert.deepEqual(await ref.state(), { next: count, faults: 0 });
      assert.equal(here.hosts().length, 1);
    }));
}

Deno.test("hosts: silence for longer than three heartbeats is resumed over another socket", () =>
  withHosts({ heartbeatMs: 100, graceMs: 60_000 }, async ({ here, there, proxy }) => {
    const ref = await here.createActor(Sequence, [], { place: onHost(there.id) });
    const back = await there.createActor(Sequence, [], { place: onHost(here.id) });
    const partition = (async () => {
      proxy.fence();
      await seconds(1);
      proxy.lift();
    })();
    await Promise.all([send(ref, 10_000, partition), send(back, 10_000, partition)]);
    for (const one of [ref, back]) {
      assert.deepEqual(await one.state(), { next: 10_000, faults: 0 });
    }
  }));

Deno.test("hosts: past the grace time calls reject on both sides, and joining again works", () =>
  withHosts({ heartbeatMs: 100, graceMs: 1_000 }, async ({ here, there, proxy }) => {
    const ref = await here.createActor(Sequence, [], { place: onHost(there.id) });
    const back = await there.createActor(Sequence, [], { place: onHost(here.id) });
    const waiting = [ref.wait(), back.wait()].map((call) =>
      call.then(() => null, (error) => error)
    );
    await Promise.all([ref.state(), back.state()]);
    const started = performance.now();
    proxy.fence();
    for (const error of await Promise.all(waiting)) {
      assert(error instanceof HostLostError, String(error));
      assert.equal(error.exit, "silent");
    }
    const ms = performance.now() - started;
    assert.ok(ms > 900, `${ms} ms: the grace time is theirs`);
    await assert.rejects(ref.state(), HostLostError);
    proxy.lift();
    await here.join(proxy.url);
    assert.deepEqual(await ref.state(), { next: 0, faults: 0 });
    assert.deepEqual(await back.state(), { next: 0, faults: 0 });
  }));

Deno.test("hosts: one that has given up links anew while the other still waits", async () => {
  const common = {
    pools: [],
    debug: false as const,
    stopTimeoutMs: 200,
    modules: [MODULE],
    onDeadLetter: () => {},
    heartbeatMs: 100,
  };
  await using there = await startHost({ ...common, listen: { port: 0 }, graceMs: 60_000 });
  await using proxy = new TcpProxy(Number(there.address!.split(":").at(-1)));
  await using here = await startHost({ ...common, join: [proxy.url], graceMs: 1_000 });
  const back = await there.createActor(Sequence, [], { place: onHost(here.id) });
  const waiting = back.wait().then(() => null, (error) => error);
  await back.state();
  proxy.fence();
  while (here.hosts().length > 0) await seconds(0.05);
  // What it holds back is the end of the old link.
  proxy.cut();
  assert.equal(there.hosts().length, 1);
  proxy.lift();
  await here.join(proxy.url);
  assert(await waiting instanceof HostLostError);
  assert.deepEqual(await back.state(), { next: 0, faults: 0 });
});

Deno.test("hosts: a stop while the way is cut does not wait for it", () =>
  withHosts({ ...PATIENT, heartbeatMs: 400 }, async ({ here, there, proxy }) => {
    const ref = await here.createActor(Sequence, [], { place: onHost(there.id) });
    const waiting = ref.wait().then(() => null, (error) => error);
    await ref.state();
    proxy.close();
    proxy.cut();
    const started = performance.now();
    await here.stop();
    assert.ok(performance.now() - started < SOON_MS);
    assert(await waiting instanceof HostLostError);
    while (there.hosts().length > 0) await seconds(0.05);
    assert.ok(performance.now() - started < 2 * SOON_MS);
  }));

Deno.test("hosts: an interrupted link is seen as such, and is no death", () =>
  withHosts({ heartbeatMs: 100, graceMs: 60_000 }, async ({ here, there, proxy }) => {
    const told = [here, there].map((host) => {
      const kinds: string[] = [];
      const back = Promise.withResolvers<void>();
      const lost = Promise.withResolvers<void>();
      host.watchHosts(({ kind }) => {
        kinds.push(kind);
        if (kind === "unreachable") lost.resolve();
        if (kind === "back") back.resolve();
      });
      return { kinds, lost: lost.promise, back: back.promise };
    });
    proxy.fence();
    await Promise.all(told.map(({ lost }) => lost));
    assert.deepEqual(here.hosts().map(({ state }) => state), ["unreachable"]);
    proxy.lift();
    await Promise.all(told.map(({ back }) => back));
    assert.deepEqual(here.hosts().map(({ state }) => state), ["live"]);
    for (const { kinds } of told) assert.deepEqual(kinds, ["unreachable", "back"]);
  }));

Deno.test("listen.limits.links: links that are interrupted keep their places, and are resumed", async () => {
  const refused = Promise.withResolvers<string>();
  await using there = await startHost({
    pools: [],
    modules: [MODULE],
    heartbeatMs: 100,
    graceMs: 60_000,
    listen: {
      port: 0,
      limits: { links: 2 },
      onRefusal: ({ message }) => refused.resolve(message),
    },
  });
  await using proxy = new TcpProxy(Number(there.address!.split(":").at(-1)));
  // A socket that ended is waited for 2.5 heartbeats, one that fell silent for the grace time.
  const clients = await Promise.all(
    [1, 2].map(() => connect(proxy.url, { heartbeatMs: 100, graceMs: 60_000 })),
  );
  await using _first = clients[0]!;
  await using _second = clients[1]!;
  const refs = await Promise.all(clients.map((client) => client.createActor(Sequence, [])));
  proxy.fence();
  const calls = refs.map((ref) => ref.take(0));
  // Its door has places again, for the sockets are gone; its sessions have none.
  while ((await linksOf(there)) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await assert.rejects(connect(there.address!), /more than 2 sessions/);
  assert.match(await refused.promise, /more than 2 sessions/);
  proxy.lift();
  assert.deepEqual(await Promise.all(calls), [0, 0]);
});

/** Links that are open with a host. */
async function linksOf(host: Host): Promise<number> {
  const text = await (await fetch(`http://${host.address}/metrics`)).text();
  return Number(/^dramatis_gateway_links (\d+)/m.exec(text)![1]);
}

Deno.test("hosts: what waits for an interrupted link is bounded, and the error names the limit", () =>
  withHosts({ heartbeatMs: 100, graceMs: 60_000 }, async ({ here, there, proxy }) => {
    const ref = await here.createActor(Sequence, [], { place: onHost(there.id) });
    await ref.take(0);
    const interrupted = new Promise<void>((resolve) => {
      here.watchHosts(({ kind }) => kind === "unreachable" && resolve());
    });
    proxy.close();
    proxy.cut();
    await interrupted;
    const calls: Promise<number | Error>[] = [];
    const large = new Uint8Array(4 * 2 ** 20);
    for (let n = 1; n <= 40; n++) calls.push(ref.take(n, large).catch((error) => error));
    const refused = await calls.at(-1)!;
    assert.ok(refused instanceof MailboxFullError, String(refused));
    assert.deepEqual([refused.limit, refused.bound], [128 * 2 ** 20, "bytes"]);
    proxy.open();
    // What was taken arrives, in order.
    const answers = await Promise.all(calls);
    const taken = answers.filter((answer) => typeof answer === "number");
    assert.deepEqual(taken, taken.map((_, i) => i + 1));
    assert.ok(taken.length >= 30);
    assert.equal((await ref.state()).faults, 0);
  }));
