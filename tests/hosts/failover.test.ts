/** Actors with names whose host is lost: made again on another one, by one of those that could. */
import assert from "node:assert/strict";
import {
  ActorNotFoundError,
  type ActorRef,
  addressOf,
  DirectoryUnreachableError,
  type Host,
  HostLostError,
  type HostOptions,
  natsDirectory,
  natsStore,
  startHost,
} from "@dramatis/dramatis";
import { HostProcess } from "../fixtures/host_process.ts";
import { Tally } from "../fixtures/state_actors.ts";
import { HAS_NATS, NatsServer, NEEDS_NATS, Wire } from "../host/directory/nats_server.ts";

const MODULES = [import.meta.resolve("../fixtures/state_actors.ts")];

/** A host that gets no turn for three quarters of it has lost its names. */
const TTL_MS = 3000;

/** What may be so while a host is lost, and for as long as a busy machine takes. */
const PASSING = [ActorNotFoundError, HostLostError, DirectoryUnreachableError];

/** Between two questions: whoever is asked needs the processor too. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

function start(options: HostOptions = {}): Promise<Host> {
  return startHost({
    pools: [],
    debug: false,
    heartbeatMs: 1000,
    graceMs: 0,
    listen: { port: 0 },
    modules: MODULES,
    onDeadLetter: () => {},
    ...options,
  });
}

function inNats(servers: string, options: HostOptions = {}): Promise<Host> {
  const directory = natsDirectory({ servers, ttlMs: TTL_MS });
  return start({ directory, state: { store: natsStore({ servers }) }, ...options });
}

/** Asks until the actor of the name is on another host. */
async function successor(host: Host, lost: number): Promise<ActorRef<Tally>> {
  for (;;) {
    try {
      const tally = await host.lookup<Tally>("tally");
      if (addressOf(tally).host !== lost) return tally;
    } catch (error) {
      if (!PASSING.some((kind) => error instanceof kind)) throw error;
    }
    await pause();
  }
}

/** How many hosts have the actor. */
async function instances(hosts: readonly Host[]): Promise<number> {
  const has = await Promise.all(hosts.map((host) => host.hasActor("t")));
  return has.filter(Boolean).length;
}

Deno.test("failover: in memory, one of the hosts linked with the lost one makes its actor, as new", async () => {
  await using seed = await start();
  await using other = await start({ join: [seed.address!] });
  await using child = await HostProcess.start("./failover_host.ts", "", "", seed.address!);
  const ref = await seed.lookup<Tally>("tally");
  assert.equal(addressOf(ref).host, child.id);
  assert.equal(await ref.get(), 42);
  child.kill();
  const again = await successor(seed, child.id);
  assert.equal(await again.get(), 40, "the store is not shared");
  assert.equal(await instances([seed, other]), 1);
  assert.equal(await ref.add(1), 41, "the ref of before leads to it");
  assert.equal(await (await other.lookup<Tally>("tally")).get(), 41);
});

Deno.test("failover: a host that stops hands its actors over; destroyed ones are not made again", async () => {
  await using seed = await start();
  const leaving = await start({ join: [seed.address!] });
  const options = { name: "tally", uid: "t", restart: "permanent" } as const;
  await leaving.createActor(Tally, [1], options);
  await leaving.createActor(Tally, [1], { name: "plain", uid: "p" });
  await leaving.createActor(Tally, [1], { ...options, name: "gone", uid: "g" });
  await leaving.destroyActor("g");
  const [far, farPlain] = [await seed.lookup<Tally>("tally"), await seed.lookup<Tally>("plain")];
  assert.deepEqual([await far.get(), await farPlain.get()], [1, 1]);
  await leaving.stop();
  const again = await successor(seed, leaving.id);
  assert.equal(addressOf(again).host, seed.id);
  assert.equal(await far.add(1), 2);
  await assert.rejects(farPlain.get(), HostLostError, "it was not said to be permanent");
  assert.equal(await seed.hasActor("g"), false);
  await assert.rejects(
    seed.createActor(Tally, [1], { failover: true }),
    /failover is for actors with a name/,
  );
});

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `failover: ${name}${NEEDS_NATS}`, ignore: !HAS_NATS, fn });
}

test("with NATS, a killed host's actor is made on one other, with its state", async () => {
  await using server = await NatsServer.start();
  await using a = await inNats(server.url);
  await using b = await inNats(server.url);
  await using child = await HostProcess.start("./failover_host.ts", server.url, String(TTL_MS));
  const refs = await Promise.all([a, b].map((host) => host.lookup<Tally>("tally")));
  assert.deepEqual(await Promise.all(refs.map((ref) => ref.get())), [42, 42]);
  child.kill();
  const again = await successor(a, child.id);
  assert.equal(await again.get(), 42, "the state came back");
  assert.equal(await instances([a, b]), 1);
  assert.deepEqual(await Promise.all([refs[0]!.add(1)]), [43]);
  const fromB = await successor(b, child.id);
  assert.equal(addressOf(fromB).host, addressOf(again).host);
  assert.equal(await refs[1]!.get(), 43, "refs of before lead to it from every host");
});

test("with NATS, a host that comes back after its lease is fenced: its actor ends, and its saves are refused", async () => {
  await using server = await NatsServer.start();
  await using wire = new Wire(server);
  await using a = await inNats(server.url);
  // Its store can be reached all along: what it would save there must be refused all the same.
  const lost = await start({
    directory: natsDirectory({ servers: wire.url, ttlMs: TTL_MS }),
    state: { store: natsStore({ servers: server.url }) },
  });
  try {
    const options = { name: "tally", uid: "t", restart: "permanent" } as const;
    const tally = await lost.createActor(Tally, [40], options);
    await tally.addAndSave(2);
    const watch = lost.watch(tally);
    wire.cut();
    await watch;
    assert.equal(await lost.hasActor("t"), false, "it has ended before another can take its name");
    const again = await successor(a, lost.id);
    assert.equal(addressOf(again).host, a.id);
    assert.equal(await again.addAndSave(1), 43);
    assert.equal(await tally.get(), 43, "its refs lead to the successor");
    wire.mend();
    assert.equal(await (await successor(a, lost.id)).get(), 43);
  } finally {
    await lost.stop();
  }
});

test("with NATS, a host whose process was frozen past its lease cannot save over its successor", async () => {
  await using server = await NatsServer.start();
  await using a = await inNats(server.url);
  await using child = await HostProcess.start("./failover_host.ts", server.url, String(TTL_MS));
  const old = await a.lookup<Tally>("tally");
  assert.equal(await old.get(), 42);
  child.kill("SIGSTOP");
  // Not by the name: to ask its holder would take until that is known to be lost.
  while (!await a.hasActor("t")) await pause();
  const again = await successor(a, child.id);
  assert.equal(await again.addAndSave(8), 50);
  child.kill("SIGCONT");
  for (let i = 0; i < 20; i++) {
    assert.equal(addressOf(await successor(a, child.id)).host, a.id);
    assert.equal(await old.get(), 50, "the one of before answers nobody");
    await pause();
  }
  await a.killActor("t");
  const third = await a.createActor(Tally, [0], { name: "tally", uid: "t" });
  assert.equal(await third.get(), 50, "of all who could have saved, the last");
});
