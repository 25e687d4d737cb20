/**
 * Messages of every kind in random interleavings, over every kind of link, against a simple model: what a
 * sender sends runs in its order and at most once, every call settles, what was given up in time does not
 * run, every tell runs or becomes a dead letter, and nothing is left behind.
 */
import assert from "node:assert/strict";
import {
  ActorExistsError,
  ActorNotFoundError,
  type ActorRef,
  type Host,
  onPool,
  type PoolDescription,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { startTestCluster } from "@dramatis/dramatis/testing";
import { random } from "../core/random.ts";
import { Ledger, RemoteDriver, Target } from "../fixtures/property_actors.ts";
import { TcpProxy } from "../hosts/tcp_proxy.ts";
import { Driver } from "./property_driver.ts";

/** What the other hosts make actors of. */
const MODULE = new URL("../fixtures/property_actors.ts", import.meta.url).href;

/** Messages in one round. */
const STEPS = 50;

/** Where the sender and the target are. */
interface Link {
  /** All hosts, the sender's first. */
  readonly hosts: readonly [Host, ...Host[]];
  /** The pool of the target. */
  readonly pool: PoolDescription;
  /** The methods of the dead letters of all hosts. */
  readonly letters: string[];
  /** The sender's pool, if it is not the main one. */
  readonly from?: PoolDescription;
  /** Cuts the link, and makes it again. */
  cut?(): Promise<void>;
}

/** The two that drive: in this isolate, or in a pool. */
type AnyDriver = Pick<Driver, "run" | "check"> & Partial<Pick<Driver, "letGo">>;

/** Lets everything that is due have its turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function drive(link: Link, rounds: number, seed: number): Promise<void> {
  const { hosts: [host], pool, letters, from } = link;
  const place = onPool(pool);
  /** The one that there is, or a new one; one that is about to end is waited for. */
  const create = async (): Promise<ActorRef<Target>> => {
    for (;; await turn()) {
      try {
        return await host.createActor(Target, [], { uid: "target", place });
      } catch (error) {
        if (!(error instanceof ActorExistsError)) throw error;
      }
      try {
        return await host.actorRef<Target>("target", pool.host);
      } catch (error) {
        if (!(error instanceof ActorNotFoundError)) throw error;
      }
    }
  };
  const target = await create();
  const ledger = await host.createActor(Ledger, [], { place });
  const driver: AnyDriver = from === undefined
    ? new Driver({
      target,
      ledger,
      destroy: () => host.destroyActor(target),
      create: async () => void await create(),
    })
    : await host.createActor(RemoteDriver, [target, ledger, pool], { place: onPool(from) });
  const below = random(seed);
  const outcomes: Record<string, number> = {};
  let abandoned = 0;
  for (let i = 0; i < rounds; i++) {
    const order = { seed: seed + i, steps: STEPS, mayLose: link.cut !== undefined && i % 5 === 4 };
    try {
      const running = driver.run(order);
      if (order.mayLose) {
        for (let turns = below(20); turns > 0; turns--) await turn();
        await link.cut!();
        await driver.letGo!();
        await create();
      }
      await running;
      const report = await driver.check();
      abandoned += report.abandoned;
      for (const [name, count] of Object.entries(report.outcomes)) {
        outcomes[name] = (outcomes[name] ?? 0) + count;
      }
      await ledger.idle.with({ timeoutMs: 60_000 })();
      const lost = (method: string) => letters.filter((one) => one === method).length;
      if (!order.mayLose) {
        assert.equal(lost("note"), report.lostNotes, "dead letters of tells");
        assert.equal(lost("item"), report.lostBatches, "dead letters of batches");
      } else {
        assert.ok(lost("note") <= report.lostNotes, "dead letters of tells that have run");
        assert.ok(lost("item") <= report.lostBatches, "dead letters of batches that have run");
      }
      letters.length = 0;
    } catch (error) {
      throw new Error(`round ${i}: seed ${order.seed}`, { cause: error });
    }
  }
  await assertNothingIsLeft(link, abandoned);
  const needed = [...OUTCOMES, ...(link.cut === undefined ? [] : ["HostLostError"])];
  assert.deepEqual(
    needed.filter((name) => outcomes[name] === undefined),
    [],
    "what has not been tried",
  );
}

/** What every run must have come to, or it has tried nothing. */
const OUTCOMES = [
  "called",
  "failed",
  "batched",
  "streamed",
  "summed",
  "cancelled: Error",
  "timed out: CallTimeoutError",
  "given up: Error",
  "given up: CallTimeoutError",
  "recreated",
  "ActorStoppedError",
];

/** In no pool of any host: but streams that nobody reads are kept for a minute. */
async function assertNothingIsLeft({ hosts }: Link, abandoned: number): Promise<void> {
  let streams = 0;
  for (const host of hosts) {
    for (
      const { pool, responding, pendingCalls, actors, ...state } of (await host.inspect()).pools
    ) {
      assert.ok(responding, pool.name);
      assert.equal(pendingCalls, 0, `calls of ${pool.name} wait`);
      for (const { queued, running, type } of actors) {
        assert.deepEqual([queued, running], [0, []], `messages of ${type} in ${pool.name} wait`);
      }
      streams += state.streams;
    }
  }
  assert.ok(streams <= abandoned, `${streams} streams are left, of ${abandoned} abandoned ones`);
}

Deno.test("messages: random interleavings in one pool", async () => {
  const letters: string[] = [];
  await using host = await startHost({
    pools: [],
    onDeadLetter: ({ method }) => letters.push(method),
  });
  await drive({ hosts: [host], pool: host.pools()[0]!, letters }, 100, 1);
});

Deno.test("messages: random interleavings with a worker", async () => {
  const letters: string[] = [];
  await using host = await startHost({
    pools: [workerPool({ count: 1 })],
    onDeadLetter: ({ method }) => letters.push(method),
  });
  await drive({ hosts: [host], pool: host.pools()[1]!, letters }, 50, 2);
});

Deno.test("messages: random interleavings between workers", async () => {
  const letters: string[] = [];
  await using host = await startHost({
    pools: [workerPool({ count: 2 })],
    onDeadLetter: ({ method }) => letters.push(method),
  });
  const [, from, pool] = host.pools();
  await drive({ hosts: [host], pool: pool!, from: from!, letters }, 50, 3);
});

Deno.test("messages: random interleavings between hosts over links in memory", async () => {
  const letters: string[] = [];
  await using cluster = await startTestCluster({
    modules: [MODULE],
    onDeadLetter: ({ method }) => letters.push(method),
  });
  const [a, b] = cluster.hosts;
  const link = cluster.link(a, b);
  const cut = async () => {
    link.drop();
    await link.connect();
  };
  await drive({ hosts: [a.host, b.host], pool: b.host.pools()[0]!, letters, cut }, 50, 4);
});

/** Two hosts with a way between them that can be cut. */
async function withSockets(
  graceMs: number,
  body: (link: Link & { proxy: TcpProxy }) => Promise<void>,
): Promise<void> {
  const letters: string[] = [];
  const onDeadLetter = ({ method }: { method: string }) => void letters.push(method);
  await using owner = await startHost({
    pools: [workerPool({ count: 1 })],
    listen: { port: 0 },
    modules: [MODULE],
    graceMs,
    onDeadLetter,
  });
  await using proxy = new TcpProxy(Number(owner.address!.split(":")[1]));
  await using host = await startHost({ pools: [], join: [proxy.url], graceMs, onDeadLetter });
  const pool = owner.pools().find(({ kind }) => kind === "worker")!;
  await body({ hosts: [host, owner], pool, letters, proxy });
}

Deno.test("messages: random interleavings between hosts over sockets", () =>
  withSockets(0, async (link) => {
    const { hosts: [host, owner], proxy } = link;
    const cut = async () => {
      proxy.cut();
      while (host.hosts().length + owner!.hosts().length > 0) await turn();
      await host.join(proxy.url);
    };
    await drive({ ...link, cut }, 40, 5);
  }));

Deno.test("messages: random interleavings between hosts, cut all the time: nothing is lost or doubled", () =>
  withSockets(60_000, async (link) => {
    const below = random(6);
    const { proxy } = link;
    proxy.lifeBytes = () => 2_000 + below(400_000);
    proxy.cut();
    await drive(link, 40, 6);
    assert.ok(proxy.cuts > 20, `${proxy.cuts} cuts`);
  }));
