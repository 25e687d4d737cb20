/** Programs that use a cluster and are no part of it. */
import assert from "node:assert/strict";
import {
  ActorNotFoundError,
  type Client,
  connect,
  type ConnectTlsOptions,
  DramatisError,
  type Host,
  HostLostError,
  type HostOptions,
  LinkRefusedError,
  onHost,
  registeredType,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Counter, Echo, Gate } from "../fixtures/actors.ts";
import { Source } from "../fixtures/stream_actors.ts";
import { TcpProxy } from "../hosts/tcp_proxy.ts";

const MODULES = ["actors.ts", "stream_actors.ts"].map((file) =>
  new URL(`../fixtures/${file}`, import.meta.url).href
);
const TOKEN = "a-host-s-own";
const CLIENT_TOKEN = "one-of-a-client";

function start(options: HostOptions = {}): Promise<Host> {
  return startHost({
    pools: [],
    modules: MODULES,
    // Some of its actors never end what they do.
    stopTimeoutMs: 100,
    token: TOKEN,
    listen: { port: 0, clientToken: CLIENT_TOKEN, onRefusal() {} },
    ...options,
  });
}

function join(host: Host, options: ConnectTlsOptions = {}): Promise<Client> {
  return connect(`ws://${host.address}`, { token: CLIENT_TOKEN, ...options });
}

function portOf({ address }: Host): number {
  return Number(address!.split(":").at(-1));
}

Deno.test("connect: an onDeadLetter that throws, at once or later, stops nothing", async () => {
  const printed: string[] = [];
  const { error } = console;
  // deno-lint-ignore no-console -- where it says so
  console.error = (...line: unknown[]) => void printed.push(String(line[0]));
  try {
    await using host = await start();
    const hooks: NonNullable<ConnectTlsOptions["onDeadLetter"]>[] = [
      () => {
        throw new RangeError("a hook");
      },
      () => Promise.reject(new RangeError("a hook")) as never,
    ];
    for (const [i, onDeadLetter] of hooks.entries()) {
      const client = await join(host, { onDeadLetter });
      const counter = await client.createActor(Counter, []);
      await client.close();
      counter.add.tell(1);
      while (printed.length <= i) await Promise.resolve();
      await assert.rejects(counter.add(1), HostLostError);
    }
    for (const line of printed) assert.match(line, /onDeadLetter has thrown/);
  } finally {
    // deno-lint-ignore no-console
    console.error = error;
  }
});

Deno.test("connect: a client makes, finds, calls, tells, batches, reads and destroys", async () => {
  await using host = await start({ pools: [workerPool({ count: 1 })] });
  for (const token of [CLIENT_TOKEN, TOKEN]) {
    await using client = await join(host, { token });
    assert.equal(client.host?.id, host.id);
    const counter = await client.createActor(Counter, [10], { uid: "c" });
    assert.equal(await counter.add(1), 11);
    counter.add.tell(1);
    assert.deepEqual(await counter.add.batch([[1], [1]]), [13, 14]);
    const again = await client.actorRef<Counter>("c");
    assert.equal(await again.get(), 14);
    const source = await client.createActor(Source, []);
    assert.deepEqual(await Array.fromAsync(await source.count(5)), [0, 1, 2, 3, 4]);
    const bytes = new Uint8Array(300_000).map((_, i) => i);
    const echo = await client.createActor(Echo, []);
    assert.deepEqual(await echo.echo(bytes), bytes);
    assert.equal((await client.poolConfig()).length, 2);
    const watch = client.watch(counter);
    await client.destroyActor(counter);
    assert.equal((await watch).reason.name, "ActorStoppedError");
    assert.equal(await client.hasActor("c"), false);
    await assert.rejects(client.actorRef("c"), ActorNotFoundError);
  }
});

Deno.test("connect: a type by its name alone, and names of the cluster", async () => {
  await using host = await start();
  await using client = await join(host);
  const type = registeredType<Counter, [start: number]>("Counter");
  const counter = await client.createActor(type, [5], { name: "the counter" });
  assert.equal(await counter.add(1), 6);
  assert.equal(await (await client.lookup<Counter>("the counter")).get(), 6);
  const same = await client.getOrCreateActor("the counter", type, [0]);
  assert.equal(await same.get(), 6);
  await assert.rejects(client.lookup("nobody"), ActorNotFoundError);
  await assert.rejects(client.createActor(registeredType("Unknown"), []), {
    name: "ActorStartError",
    message: /has no actor type Unknown/,
  });
  await assert.rejects(
    client.createActor(registeredType("Counter", { version: "9" }), []),
    /has Counter in version "", not "9"/,
  );
});

Deno.test("connect: a client is no member: no host counts it, and nothing is placed on it", async () => {
  await using host = await start();
  await using other = await startHost({ pools: [], token: TOKEN, join: [host.address!] });
  const joined: string[] = [];
  using _watch = host.watchHosts(({ kind }) => void joined.push(kind));
  await using client = await join(host);
  await client.createActor(Counter, [], { uid: "c" });
  assert.deepEqual(host.hosts().map(({ id }) => id), [other.id]);
  assert.deepEqual(other.hosts().map(({ id }) => id), [host.id]);
  assert.deepEqual(joined, []);
  assert(host.pools().every((pool) => pool.host !== client.id));
});

Deno.test("connect: a ref of before leads to where its actor is made again, and waits for that in order", async () => {
  await using host = await start();
  const options = { pools: [], modules: MODULES, token: TOKEN, heartbeatMs: 1000 };
  const lost = await startHost({ ...options, join: [host.address!] });
  await using client = await join(host);
  const place = onHost(lost.id);
  const kept = { place, name: "kept", failover: true };
  const counter = await client.createActor(Counter, [5], kept);
  const plain = await client.createActor(Counter, [5], { place, uid: "plain" });
  assert.equal(await counter.add(1), 6);
  const down = Promise.withResolvers<void>();
  using _watch = host.watchHosts(({ kind }) => kind === "down" && down.resolve());
  await lost.stop();
  await down.promise;
  // Perhaps it was under way when the host said goodbye; from then on the client knows.
  await assert.rejects(plain.get(), HostLostError);
  const sums = [counter.add(1), counter.add(2)];
  counter.add.tell(3);
  assert.deepEqual(await Promise.all(sums), [6, 8], "as new, and in order");
  assert.equal(await counter.add(4), 15);
  assert.equal(await client.hasActor(counter), true);
  await assert.rejects(plain.get(), {
    name: "HostLostError",
    message: /plain is not known to be on another one: look it up again, by its name/,
  });
  await client.destroyActor(counter);
  await assert.rejects(counter.get());
});

Deno.test("connect: actors of hosts past the one that it is linked with, near and far", async () => {
  await using host = await start();
  const near = await startHost({
    pools: [],
    modules: MODULES,
    token: TOKEN,
    join: [host.address!],
    stopTimeoutMs: 100,
  });
  await using client = await join(host);
  const far = await client.createActor(Counter, [], { place: onHost(near.id), uid: "far" });
  const sums = [];
  for (let i = 0; i < 100; i++) sums.push(far.add(1));
  assert.equal((await Promise.all(sums)).at(-1), 100);
  const source = await client.createActor(Source, [], { place: onHost(near.id) });
  assert.deepEqual(await Array.fromAsync(await source.count(3)), [0, 1, 2]);
  assert.equal(await (await client.actorRef<Counter>("far", near.id)).get(), 100);
  assert.deepEqual(near.hosts().map(({ id }) => id), [host.id]);
  const gate = await client.createActor(Gate, [], { place: onHost(near.id) });
  const waits = assert.rejects(gate.pass(1), DramatisError);
  await gate.entered();
  const watch = client.watch(far);
  await near.stop();
  await waits;
  await watch;
  await assert.rejects(far.get(), HostLostError);
  await assert.rejects(client.actorRef("x", 12345), HostLostError);
  assert.equal(await client.hasActor("far"), false);
});

Deno.test("connect: who has no token of the host is refused, and what is no URL or option", async () => {
  await using host = await start();
  for (const token of ["wrong", undefined]) {
    const options = token === undefined ? {} : { token };
    await assert.rejects(connect(`ws://${host.address}`, options), (error: Error) => {
      assert(error instanceof LinkRefusedError);
      assert.match(error.message, /401/);
      return true;
    });
  }
  await assert.rejects(connect("http://there"), /expected ws:\/\/host:port/);
  await assert.rejects(connect(`ws://x:${TOKEN}@there`), (error: Error) => {
    assert.match(error.message, /does not belong into a URL/);
    assert(!error.message.includes(TOKEN));
    return true;
  });
  await assert.rejects(join(host, { token: "" }), /token is empty/);
  await assert.rejects(join(host, { heartbeatMs: 0 }), /heartbeatMs/);
  await assert.rejects(connect("ws://127.0.0.1:1"), HostLostError);
  const reason = new Error("not now");
  await assert.rejects(join(host, { signal: AbortSignal.abort(reason) }), (e) => e === reason);
});

Deno.test("connect: a socket that is lost is resumed, and no call with it", async () => {
  await using host = await start();
  await using proxy = new TcpProxy(portOf(host));
  await using client = await connect(proxy.url, { token: CLIENT_TOKEN });
  const counter = await client.createActor(Counter, []);
  const calls = [];
  for (let i = 0; i < 300; i++) {
    calls.push(counter.add(1));
    if (i % 100 === 50) {
      proxy.cut();
      await calls.at(-1);
    }
  }
  assert.equal((await Promise.all(calls)).at(-1), 300);
});

Deno.test("connect: when its host has ended calls reject, and it links with the next by itself", async () => {
  const first = await start();
  const port = portOf(first);
  await using client = await join(first);
  const gate = await client.createActor(Gate, [], { uid: "g" });
  const waits = assert.rejects(gate.pass(1), DramatisError);
  await gate.entered();
  const watch = client.watch(gate);
  await first.stop();
  await waits;
  assert((await watch).reason instanceof DramatisError);
  await assert.rejects(client.actorRef("g"), HostLostError);
  await using second = await start({ listen: { port, clientToken: CLIENT_TOKEN } });
  assert.equal((await client.linked()).id, second.id);
  const counter = await client.createActor(Counter, [1], { uid: "c" });
  assert.equal(await counter.add(1), 2);
  await assert.rejects(gate.pass(1), HostLostError);
});

Deno.test("Client.close: what waits rejects, and there is no way back", async () => {
  await using host = await start();
  const client = await join(host);
  const gate = await client.createActor(Gate, []);
  const waits = assert.rejects(gate.pass(1), HostLostError);
  await gate.entered();
  await client.close();
  await client.close();
  await waits;
  assert.equal(client.host, null);
  await assert.rejects(client.linked(), HostLostError);
  await assert.rejects(client.actorRef("x"), /The client was closed/);
});
