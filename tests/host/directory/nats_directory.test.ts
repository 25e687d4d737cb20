/** Names and hosts in NATS: the contract, and what only a directory with leases can promise. */
import assert from "node:assert/strict";
import {
  ActorNotFoundError,
  type DeadLetter,
  DirectoryUnreachableError,
  type Host,
  HostLostError,
  type HostOptions,
  NameTakenError,
  natsDirectory,
  startHost,
} from "@dramatis/dramatis";
import { connect } from "@nats-io/transport-node";
import { Kvm } from "@nats-io/kv";
import { nameKey } from "../../../src/host/directory/nats_records.ts";
import { Leader } from "../../fixtures/named_actors.ts";
import { eventOf, testDirectory, turn } from "./contract.ts";
import { HostProcess } from "../../fixtures/host_process.ts";
import { HAS_NATS, NatsServer, NEEDS_NATS, Wire } from "./nats_server.ts";

/** What waits for a lease to expire waits so long; a busy machine must keep one up. */
const TTL_MS = 2000;

/** Longer than any test takes. */
const LONG_TTL_MS = 120_000;

testDirectory({
  name: `natsDirectory${NEEDS_NATS}`,
  ignore: !HAS_NATS,
  async open() {
    const server = await NatsServer.start();
    // Nobody joins anybody: they find each other.
    return {
      options: () => ({ directory: natsDirectory({ servers: server.url }) }),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
});

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `natsDirectory: ${name}${NEEDS_NATS}`, ignore: !HAS_NATS, fn });
}

function start(servers: string, options: HostOptions = {}, ttlMs = LONG_TTL_MS): Promise<Host> {
  const directory = natsDirectory({ servers, ttlMs });
  return startHost({ pools: [], listen: { port: 0 }, directory, ...options });
}

/** Tries until another does not have the name any more. */
async function takeOver(host: Host, name: string): Promise<void> {
  for (;;) {
    try {
      await host.createActor(Leader, ["the successor"], { name });
      return;
    } catch (error) {
      if (!(error instanceof NameTakenError)) throw error;
    }
  }
}

test("hosts find each other without being told to join, and link", async () => {
  await using server = await NatsServer.start();
  await using a = await start(server.url);
  const events: string[] = [];
  using _watch = a.watchHosts(({ kind, host }) => events.push(`${kind} ${host.id}`));
  const joined = eventOf(a, ({ kind }) => kind === "joined");
  await using b = await start(server.url);
  assert.equal((await joined).host.id, b.id);
  assert.deepEqual(b.hosts().map(({ id, address, state }) => ({ id, address, state })), [
    { id: a.id, address: a.address, state: "live" },
  ]);
  assert.deepEqual(b.hosts()[0]!.pools.map(({ name }) => name), ["main"]);
  const hidden = await startHost({
    pools: [],
    directory: natsDirectory({ servers: server.url, ttlMs: LONG_TTL_MS }),
  });
  try {
    await hidden.createActor(Leader, ["hidden"], { name: "hidden" });
    assert.equal(await (await hidden.lookup<Leader>("hidden")).from(), "hidden");
    // It does not listen, so it has dialled the others.
    while (a.pools().length < 3) await turn();
    assert.equal(await (await a.lookup<Leader>("hidden")).from(), "hidden");
  } finally {
    await hidden.stop();
  }
  assert.deepEqual([...new Set(events)], events, "each once");
});

test("a host that is cut off ends its named actors before others get their names", async () => {
  await using server = await NatsServer.start();
  await using wire = new Wire(server);
  const fenced = Promise.withResolvers<{ letter: DeadLetter; at: number }>();
  await using a = await start(wire.url, {
    onDeadLetter: (letter) => fenced.resolve({ letter, at: performance.now() }),
  }, TTL_MS);
  await using b = await start(server.url, {}, TTL_MS);
  const leader = await a.createActor(Leader, ["a"], { name: "leader", uid: "leader" });
  const other = await a.createActor(Leader, ["other"], { uid: "without a name" });
  assert.equal(await (await b.lookup<Leader>("leader")).from(), "a");

  wire.cut();
  await takeOver(b, "leader");
  const takenAt = performance.now();
  const { letter, at } = await fenced.promise;
  assert(at < takenAt, "it was ended first");
  assert.equal(letter.to.uid, "leader");
  assert(letter.reason instanceof DirectoryUnreachableError);
  await assert.rejects(leader.from(), ActorNotFoundError);
  assert.equal(await other.from(), "other", "those without names live on");
  await assert.rejects(
    a.createActor(Leader, ["?"], { name: "new" }),
    DirectoryUnreachableError,
  );
  assert.equal(await (await b.lookup<Leader>("leader")).from(), "the successor");

  // And it comes back as a holder like any other.
  wire.mend();
  let again: unknown;
  while (again === undefined) {
    try {
      again = await a.createActor(Leader, ["a again"], { name: "new" });
    } catch (error) {
      assert(error instanceof DirectoryUnreachableError, String(error));
      await turn();
    }
  }
  assert.equal(await (await b.lookup<Leader>("new")).from(), "a again");
  await assert.rejects(a.createActor(Leader, ["?"], { name: "leader" }), NameTakenError);
});

test("a host that loses its link is unreachable while it has its lease, and keeps its names", async () => {
  await using server = await NatsServer.start();
  // All that is asked of a host that is unreachable takes less.
  const ttlMs = 2 * TTL_MS;
  await using child = await HostProcess.start("./named_host.ts", server.url, String(ttlMs));
  await using a = await start(server.url, { graceMs: 0 }, ttlMs);
  const events: string[] = [];
  using _watch = a.watchHosts(({ kind }) => events.push(kind));
  assert.equal(await (await a.lookup<Leader>("leader")).from(), "a process");
  const unreachable = eventOf(a, ({ kind }) => kind === "unreachable");
  const down = eventOf(a, ({ kind }) => kind === "down");
  child.kill();
  assert.equal((await unreachable).host.id, child.id);
  assert.deepEqual(a.hosts().map(({ id, state }) => [id, state]), [[child.id, "unreachable"]]);
  await assert.rejects(a.createActor(Leader, ["?"], { name: "leader" }), NameTakenError);
  await assert.rejects(a.lookup("leader"), HostLostError);
  await takeOver(a, "leader");
  await down;
  assert.deepEqual(a.hosts(), []);
  assert.deepEqual(events.filter((kind) => kind !== "joined"), ["unreachable", "down"]);
});

test("a server that stands still for a moment costs nobody a name", async () => {
  await using server = await NatsServer.start();
  await using a = await start(server.url);
  const leader = await a.createActor(Leader, ["a"], { name: "leader" });
  server.freeze();
  const waiting = a.createActor(Leader, ["b"], { name: "other" });
  server.thaw();
  await waiting;
  assert.equal(await leader.from(), "a");
});

test("without its server a host ends what has names, and goes on and stops in order", async () => {
  const server = await NatsServer.start();
  const fenced = Promise.withResolvers<DeadLetter>();
  const a = await start(server.url, { onDeadLetter: fenced.resolve }, TTL_MS);
  const other = await a.createActor(Leader, ["other"], {});
  await a.createActor(Leader, ["a"], { name: "leader", uid: "leader" });
  await server[Symbol.asyncDispose]();
  assert.equal((await fenced.promise).to.uid, "leader");
  await assert.rejects(a.lookup("leader"), (error) => {
    // Its end is under way until the directory has been told in vain.
    assert(error instanceof DirectoryUnreachableError || error instanceof ActorNotFoundError);
    return true;
  });
  assert.equal(await other.from(), "other");
  await a.stop();
});

test("hosts with different directories do not take each other's names", async () => {
  await using server = await NatsServer.start();
  await using a = await start(server.url);
  await using b = await startHost({ pools: [], join: [a.address!] });
  await assert.rejects(b.createActor(Leader, ["b"], { name: "leader" }), {
    name: "TypeError",
    message: /does not keep names in memory, as this one does: start both with the same directory/,
  });
  await a.createActor(Leader, ["a"], { name: "leader" });
});

test("what it cannot work with is said at the start", async () => {
  await using server = await NatsServer.start();
  await using _a = await start(server.url);
  const other = natsDirectory({ servers: server.url, ttlMs: 2 * LONG_TTL_MS });
  await assert.rejects(startHost({ pools: [], directory: other }), {
    name: "TypeError",
    message: /have ttlMs 120000, this one 240000/,
  });
  const apart = natsDirectory({
    servers: server.url,
    ttlMs: 2 * LONG_TTL_MS,
    bucket: "apart",
  });
  await using b = await startHost({ pools: [], directory: apart });
  assert.deepEqual(b.hosts(), []);
});

Deno.test("natsDirectory: a server that is not there, and bad options", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assert.rejects(start(`nats://127.0.0.1:${port}`), (error) => {
    assert(error instanceof DirectoryUnreachableError, String(error));
    assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port} cannot be used`));
    return true;
  });
  const bad: [Parameters<typeof natsDirectory>[0], RegExp][] = [
    [{ servers: [] }, /servers is empty/],
    [{ servers: "http://127.0.0.1" }, /expected a server as nats:\/\/host:4222/],
    [{ servers: "ftp://me:secret@host" }, /got "ftp:\/\/…@host"/],
    [{ servers: "nats://n", bucket: "a.b" }, /bucket is 1 to 64 letters/],
    [{ servers: "nats://n", ttlMs: 10 }, /ttlMs is a number from 1000 up, got 10/],
    [{ servers: "nats://n", replicas: 9 }, /replicas is a whole number from 1 to 5, got 9/],
  ];
  for (const [options, message] of bad) assert.throws(() => natsDirectory(options), { message });
  await assert.rejects(startHost({ pools: [], directory: {} as never }), {
    name: "TypeError",
    message: /directory is memoryDirectory\(\) or natsDirectory\(\)/,
  });
});

test("a name whose host is down is removed by whoever looks for it", async () => {
  await using server = await NatsServer.start();
  await using child = await HostProcess.start("./named_host.ts", server.url, String(TTL_MS));
  await using host = await start(server.url, {}, TTL_MS);
  const nats = await connect({ servers: server.url });
  try {
    const names = await new Kvm(nats).open("dramatis-names");
    const key = nameKey("leader");
    assert.notEqual(await names.get(key), null);
    const down = eventOf(host, ({ kind }) => kind === "down");
    child.kill();
    await down;
    await assert.rejects(host.lookup("leader"), ActorNotFoundError);
    while (await names.get(key) !== null) await turn();
    await host.createActor(Leader, ["here"], { name: "leader" });
    assert.equal(await (await host.lookup<Leader>("leader")).from(), "here");
  } finally {
    await nats.close();
  }
});
