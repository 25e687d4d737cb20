/** What every directory promises, on hosts that listen; each directory has a test that runs it. */
import assert from "node:assert/strict";
import {
  ActorNotFoundError,
  addressOf,
  formatHostId,
  type Host,
  type HostEvent,
  type HostOptions,
  NameTakenError,
  onHost,
  onPool,
  PoolLostError,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Counter, Echo } from "../../fixtures/actors.ts";
import { Leader, Seeker, Stillborn } from "../../fixtures/named_actors.ts";

/** Makes directories to test. */
export interface DirectoryKind {
  readonly name: string;
  readonly ignore?: boolean;
  /** A new empty directory: what a host of it is started with, but for its pools. */
  open(): Promise<TestDirectory>;
}

/** One directory for the hosts of a test. */
export interface TestDirectory extends AsyncDisposable {
  /** For the next host; the hosts that were started before are given. */
  options(hosts: readonly Host[]): HostOptions;
}

const MODULES = ["actors.ts", "named_actors.ts"].map((file) =>
  new URL(`../../fixtures/${file}`, import.meta.url).href
);

/** Hosts of one directory, which stop after the body. */
async function withHosts(
  kind: DirectoryKind,
  count: number,
  body: (hosts: Host[], start: (options?: HostOptions) => Promise<Host>) => Promise<void>,
): Promise<void> {
  await using directory = await kind.open();
  const hosts: Host[] = [];
  const start = async (options: HostOptions = {}) => {
    const common = { pools: [], listen: { port: 0 }, modules: MODULES, onDeadLetter: () => {} };
    const host = await startHost({ ...common, ...directory.options(hosts), ...options });
    hosts.push(host);
    return host;
  };
  try {
    for (let i = 0; i < count; i++) await start();
    await body(hosts, start);
  } finally {
    for (const host of hosts.toReversed()) await host.stop();
  }
}

/** Lets what has arrived be handled. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Resolves with the first event that is asked for. */
export function eventOf(
  host: Host,
  matches: (event: HostEvent) => boolean,
): Promise<HostEvent> {
  return new Promise((resolve) => {
    const watch = host.watchHosts((event) => {
      if (!matches(event)) return;
      watch[Symbol.dispose]();
      resolve(event);
    });
  });
}

const isTaken = (name: string, holder: Host) => (error: unknown) => {
  assert(error instanceof NameTakenError, String(error));
  assert.equal(error.actorName, name);
  assert.equal(error.holder, formatHostId(holder.id));
  assert.match(error.message, new RegExp(`held by host ${formatHostId(holder.id)}`));
  return true;
};

/** Runs the suite. */
export function testDirectory(kind: DirectoryKind): void {
  const test = (name: string, fn: () => Promise<void>) =>
    Deno.test({ name: `${kind.name}: ${name}`, ignore: kind.ignore ?? false, fn });

  test("an actor is found by its name from every host and from inside actors", async () => {
    await withHosts(kind, 3, async ([a, b, c]) => {
      const leader = await a!.createActor(Leader, ["a"], { name: "leader", uid: "the leader" });
      for (const host of [a!, b!, c!]) {
        const found = await host.lookup<Leader>("leader");
        assert.deepEqual(addressOf(found), addressOf(leader));
        assert.equal(await found.from(), "a");
        const seeker = await host.createActor(Seeker, []);
        assert.equal(await seeker.found("leader"), "a");
        await assert.rejects(host.lookup("no such name"), {
          name: "ActorNotFoundError",
          message: /No actor has the name "no such name"/,
        });
      }
    });
  });

  test("a name that is held is refused everywhere, with its holder", async () => {
    await withHosts(kind, 3, async ([a, b, c]) => {
      await b!.createActor(Leader, ["b"], { name: "ümlaut / *.> name" });
      for (const host of [a!, b!, c!]) {
        const again = host.createActor(Leader, ["?"], { name: "ümlaut / *.> name", uid: "again" });
        await assert.rejects(again, isTaken("ümlaut / *.> name", b!));
        assert.equal(await host.hasActor("again"), false);
        await host.createActor(Leader, [""], { name: `another of ${host.id}` });
      }
    });
  });

  test("of eight hosts that race for a name one gets it, again and again", async () => {
    await withHosts(kind, 8, async (hosts) => {
      for (let round = 0; round < 5; round++) {
        const tries = await Promise.allSettled(
          hosts.map((host) => host.createActor(Leader, [`${host.id}`], { name: "leader" })),
        );
        const won = tries.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
        assert.equal(won.length, 1, `round ${round}`);
        for (const one of tries) {
          if (one.status === "rejected") assert(one.reason instanceof NameTakenError, one.reason);
        }
        const winner = await won[0]!.from();
        for (const host of hosts) {
          assert.equal(await (await host.lookup<Leader>("leader")).from(), winner);
        }
        await hosts[round]!.destroyActor(won[0]!);
      }
    });
  });

  test("getOrCreateActor: eight hosts that race get the same actor, made once", async () => {
    await withHosts(kind, 8, async (hosts) => {
      for (let round = 0; round < 3; round++) {
        const refs = await Promise.all(
          hosts.map((host) => host.getOrCreateActor(`shared ${round}`, Counter, [0])),
        );
        for (const ref of refs) await ref.add(1);
        assert.equal(await refs[0]!.get(), 8);
      }
      const seeker = await hosts[0]!.createActor(Seeker, []);
      const made = await seeker.getOrCreate("by an actor");
      assert.equal(await (await hosts[7]!.lookup<Leader>("by an actor")).from(), "a seeker");
      assert.equal(await made.from(), "a seeker");
    });
  });

  test("a name is free when its actor is destroyed or killed, or has not started", async () => {
    await withHosts(kind, 2, async ([a, b]) => {
      for (const end of ["destroyActor", "killActor"] as const) {
        const leader = await a!.createActor(Leader, ["a"], { name: "leader" });
        await a![end](leader);
        await assert.rejects(b!.lookup("leader"), ActorNotFoundError);
        const next = await b!.createActor(Leader, ["b"], { name: "leader" });
        assert.equal(await (await a!.lookup<Leader>("leader")).from(), "b");
        await a![end](next);
      }
      await assert.rejects(a!.createActor(Stillborn, [], { name: "leader" }), {
        name: "ActorStartError",
      });
      await a!.createActor(Leader, ["x"], { uid: "x" });
      await assert.rejects(b!.createActor(Leader, ["?"], { name: "leader", uid: "" }), TypeError);
      await assert.rejects(a!.createActor(Leader, ["?"], { name: "leader", uid: "x" }), {
        name: "ActorExistsError",
      });
      await b!.createActor(Leader, ["b"], { name: "leader" });
    });
  });

  test("an actor on another host holds its name there, and with its pool", async () => {
    await withHosts(kind, 1, async ([a], start) => {
      const b = await start({ pools: [workerPool({ count: 1 })], autoRecover: false });
      while (!a!.pools().some(({ host }) => host === b.id)) await turn();
      const worker = b.pools().find(({ kind }) => kind === "worker")!;
      const place = onPool({ ...worker, host: b.id });
      const leader = await a!.createActor(Leader, ["b"], { name: "leader", place });
      assert.deepEqual(await leader.address(), { host: b.id, pool: worker.pool });
      await assert.rejects(
        a!.createActor(Leader, ["?"], { name: "leader", place: onHost(b.id) }),
        isTaken("leader", b),
      );
      await b.destroyActor(leader);
      const brief = await a!.createActor(Leader, ["brief"], {
        name: "leader",
        place,
        restart: "temporary",
      });
      await assert.rejects(brief.fail(), PoolLostError);
      const next = await b.getOrCreateActor("leader", Leader, ["next"]);
      assert.equal(await next.from(), "next");
    });
  });

  test("an actor that is made again when its pool dies keeps its name", async () => {
    await withHosts(kind, 1, async ([a], start) => {
      const b = await start({ pools: [workerPool({ count: 1 })] });
      const leader = await b.createActor(Leader, ["b"], { name: "leader" });
      await assert.rejects(leader.fail(), PoolLostError);
      await assert.rejects(a!.createActor(Leader, ["a"], { name: "leader" }), isTaken("leader", b));
      const found = await a!.lookup<Leader>("leader");
      assert.equal(await found.from(), "b");
      await b.destroyActor(found);
      await a!.createActor(Leader, ["a"], { name: "leader" });
    });
  });

  test("a name is free when its host has stopped, and others hear of that once", async () => {
    await withHosts(kind, 2, async ([a, b], start) => {
      const events: string[] = [];
      using _watch = a!.watchHosts(({ kind, host }) => events.push(`${kind} ${host.id}`));
      const c = await start();
      await c.createActor(Leader, ["c"], { name: "leader" });
      assert.equal(await (await b!.lookup<Leader>("leader")).from(), "c");
      assert.deepEqual(
        a!.hosts().map(({ id, state }) => `${id} ${state}`).sort(),
        [b!, c].map(({ id }) => `${id} live`).sort(),
      );
      const down = eventOf(a!, ({ kind, host }) => kind === "down" && host.id === c.id);
      await c.stop();
      await down;
      assert.deepEqual(a!.hosts().map(({ id }) => id), [b!.id]);
      await b!.getOrCreateActor("leader", Leader, ["b"]);
      assert.equal(await (await a!.lookup<Leader>("leader")).from(), "b");
      const ofC = events.filter((event) => event.endsWith(` ${c.id}`));
      assert.equal(ofC.filter((event) => event.startsWith("joined")).length, 1, `${ofC}`);
      assert.equal(ofC.filter((event) => event.startsWith("down")).length, 1, `${ofC}`);
    });
  });

  test("what is no name is refused", async () => {
    await withHosts(kind, 1, async ([host]) => {
      for (const name of ["", "x".repeat(513), 7 as never]) {
        await assert.rejects(host!.createActor(Leader, [""], { name }), {
          name: "TypeError",
          message: /name is a string of 1 to 512 characters/,
        });
        await assert.rejects(host!.lookup(name), { name: "TypeError" });
      }
      await assert.rejects(host!.createActor(Echo, [], { name: "echo", replicas: 1 }), {
        name: "TypeError",
        message: /Cannot create Echo with name and replicas/,
      });
      await host!.createActor(Leader, ["long"], { name: "ж".repeat(512) });
      assert.equal(await (await host!.lookup<Leader>("ж".repeat(512))).from(), "long");
    });
  });
}
