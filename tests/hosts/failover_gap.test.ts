/** What comes for an actor between the loss of its host and its being made again on another one. */
import assert from "node:assert/strict";
import {
  ActorFailedError,
  ActorNotFoundError,
  type ActorRef,
  ActorStoppedError,
  addressOf,
  HostLostError,
  memoryDirectory,
  workerPool,
} from "@dramatis/dramatis";
import {
  ManualClock,
  startTestCluster,
  type TestCluster,
  type TestClusterOptions,
  type TestHost,
} from "@dramatis/dramatis/testing";
import { Partner } from "../fixtures/linked_actors.ts";
import { Tally } from "../fixtures/state_actors.ts";
import { Teller } from "../fixtures/teller.ts";
import { passing } from "./passing.ts";

const MODULES = ["state_actors.ts", "teller.ts"].map((file) =>
  import.meta.resolve(`../fixtures/${file}`)
);

const HEARTBEAT_MS = 1000;

/** How time passes where something is waited for. */
const STEP_MS = HEARTBEAT_MS / 4;

const TALLY = { name: "tally", uid: "t", restart: "permanent" } as const;

/** A cluster whose last host has the actor, as the first knows it. */
interface Stage {
  readonly clock: ManualClock;
  readonly cluster: TestCluster;
  readonly first: TestHost;
  readonly last: TestHost;
  readonly tally: ActorRef<Tally>;
  /** Nobody hears of the last host any more. */
  lose(host?: TestHost): void;
}

async function withTally(
  options: TestClusterOptions,
  body: (stage: Stage) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  await using cluster = await startTestCluster({
    hosts: 3,
    modules: MODULES,
    heartbeatMs: HEARTBEAT_MS,
    clock,
    ...options,
  });
  const first = cluster.hosts[0];
  const last = cluster.hosts.at(-1)!;
  await last.host.createActor(Tally, [40], TALLY);
  const tally = await first.host.lookup<Tally>("tally");
  assert.equal(await tally.get(), 40);
  // The one with the fewest actors makes it again, so it is not this one.
  for (let i = 0; i < 3; i++) await first.host.createActor(Teller, []);
  const lose = (lost = last) => {
    for (const other of cluster.hosts) if (other !== lost) cluster.link(lost, other).drop();
  };
  await body({ clock, cluster, first, last, tally, lose });
}

/** What it rejects with; taken at once, so that nobody else hears of it. */
function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(() => assert.fail("it was answered"), (error) => error);
}

/** How many hosts have it. */
async function instances(hosts: readonly TestHost[]): Promise<number> {
  const has = await Promise.all(hosts.map(({ host }) => host.hasActor("t")));
  return has.filter(Boolean).length;
}

const NOTHING: TestClusterOptions = {};

Deno.test("failover gap: what was under way rejects, what is sent then waits and goes to the successor in order", async () => {
  await withTally(NOTHING, async ({ clock, cluster, first, last, tally, lose }) => {
    const running = failure(tally.wait());
    lose();
    const before = tally.add(1);
    tally.add.tell(10);
    const batch = tally.add.batch([[100], [1000]]);
    const after = tally.add(10_000);
    assert(await running instanceof HostLostError, "at most once");
    assert.equal(await passing(clock, STEP_MS, before), 41);
    assert.deepEqual(await batch, [151, 1151]);
    assert.equal(await after, 11_151);
    assert.equal(await tally.get(), 11_151);
    assert.equal(await instances(cluster.hosts.filter((one) => one !== last)), 1);
    assert.deepEqual(first.deadLetters, []);
  });
});

Deno.test("failover gap: a call that may run twice is sent again, and goes to the successor", async () => {
  await withTally(NOTHING, async ({ clock, tally, lose }) => {
    // The one that is lost does not answer.
    const running = tally.get.with({ idempotent: true })();
    lose();
    assert.equal(await passing(clock, STEP_MS, running), 40);
  });
});

Deno.test("failover gap: the name is waited for, by whoever looks it up", async () => {
  await withTally(NOTHING, async ({ clock, first, last, lose }) => {
    lose();
    const found = first.host.lookup<Tally>("tally");
    const made = first.host.getOrCreateActor("tally", Tally, [0]);
    const ref = await passing(clock, STEP_MS, found);
    assert.notEqual(addressOf(ref).host, last.host.id);
    assert.equal(await ref.get(), 40);
    assert.deepEqual(addressOf(await made), addressOf(ref), "not a second one");
    await assert.rejects(first.host.lookup("nobody"), ActorNotFoundError);
  });
});

Deno.test("failover gap: recovery.waitMs is the limit, and with 0 nothing waits", async () => {
  // Nobody could make it again.
  const alone = { hosts: 2, modules: [] };
  await withTally(
    { ...alone, recovery: { waitMs: 700 } },
    async ({ clock, first, tally, lose }) => {
      lose();
      const late = failure(tally.get());
      tally.add.tell(1);
      const lookup = failure(first.host.lookup("tally"));
      await clock.advance(699);
      const later = failure(tally.get());
      assert.equal(first.deadLetters.length, 0);
      await clock.advance(1);
      const error = await late;
      assert(error instanceof HostLostError);
      assert.match(error.message, /t was not made again on another host in 700 ms/);
      assert.deepEqual(first.deadLetters.map(({ method, reason }) => [method, reason.name]), [
        ["add", "HostLostError"],
      ]);
      assert(await lookup instanceof ActorNotFoundError);
      await clock.advance(699);
      assert(await later instanceof HostLostError);
    },
  );
  await withTally({ ...alone, recovery: { waitMs: 0 } }, async ({ first, tally, lose }) => {
    lose();
    await assert.rejects(tally.get(), HostLostError);
    await assert.rejects(first.host.lookup("tally"), ActorNotFoundError);
  });
});

Deno.test("failover gap: unless it is given, the wait is as long as a directory's lease and 5 s more", async () => {
  const directory = { ...memoryDirectory(), leaseMs: 6000 };
  const options = { hosts: 2, modules: [], directory };
  await withTally(options, async ({ clock, first, tally, lose }) => {
    lose();
    let isOver = false;
    const late = failure(tally.get()).finally(() => isOver = true);
    await clock.advance(10_999);
    assert.equal(isOver, false);
    await clock.advance(1);
    assert.match(String(await late), /not made again on another host in 11000 ms/);
    assert.deepEqual(first.deadLetters, []);
  });
});

Deno.test("failover gap: a call whose caller gives up is not made, nor is one past its time", async () => {
  await withTally(NOTHING, async ({ clock, tally, lose }) => {
    lose();
    const abort = new AbortController();
    const aborted = failure(tally.add.with({ signal: abort.signal })(1));
    const expired = failure(tally.add.with({ timeoutMs: 100 })(10));
    const kept = tally.add(100);
    abort.abort(new RangeError("no more"));
    assert.equal((await aborted as Error).message, "no more");
    assert.equal(await passing(clock, STEP_MS, kept), 140);
    assert.equal((await expired as Error).name, "CallTimeoutError");
    assert.equal(await tally.get(), 140);
  });
});

Deno.test("failover gap: what waits goes to the host itself if that is there again", async () => {
  const options = { hosts: 2, modules: [] };
  await withTally(options, async ({ clock, cluster, first, last, tally, lose }) => {
    lose();
    const waiting = tally.add(2);
    await clock.advance(HEARTBEAT_MS);
    await cluster.link(first, last).connect();
    assert.equal(await waiting, 42);
  });
});

Deno.test("failover gap: what was copied is what is sent", async () => {
  await withTally(NOTHING, async ({ clock, first, last, lose }) => {
    await last.host.createActor(Teller, [], { name: "teller", restart: "permanent" });
    const teller = await first.host.lookup<Teller>("teller");
    lose();
    const given = { bytes: Uint8Array.of(1, 2, 3) };
    const sum = teller.sum(given);
    given.bytes.fill(9);
    assert.equal(await passing(clock, STEP_MS, sum), 6);
  });
});

Deno.test("failover gap: a second loss is a second gap", async () => {
  await withTally({ hosts: 4 }, async ({ clock, cluster, first, tally, lose }) => {
    lose();
    assert.equal(await passing(clock, STEP_MS, tally.add(1)), 41);
    const { host } = addressOf(await first.host.lookup("tally"));
    lose(cluster.hosts.find((one) => one.host.id === host)!);
    assert.equal(
      await passing(clock, STEP_MS, tally.add(2)),
      42,
      "as new: the store is not shared",
    );
  });
});

Deno.test("failover gap: a ref of before asks for, and ends, the successor", async () => {
  await withTally(NOTHING, async ({ clock, cluster, first, last, tally, lose }) => {
    lose();
    assert.equal(
      await passing(clock, STEP_MS, first.host.hasActor(tally)),
      true,
      "it is waited for",
    );
    const others = cluster.hosts.filter((one) => one !== last);
    assert.equal(await instances(others), 1);
    await first.host.destroyActor(tally);
    assert.equal(await instances(others), 0);
    await assert.rejects(tally.get(), HostLostError, "one that was destroyed is not waited for");
    await assert.rejects(first.host.hasActor(tally), HostLostError);
  });
});

Deno.test("failover gap: calls from worker pools wait too", async () => {
  // Workers have the real time, which may take long.
  const options = { pools: [workerPool({ count: 1 })], recovery: { waitMs: Infinity } };
  await withTally(options, async ({ clock, first, tally, lose }) => {
    const teller = await first.host.createActor(Teller, [tally]);
    assert.notEqual(addressOf(teller).pool, 0);
    assert.equal(await teller.add(1), 41);
    const running = failure(teller.wait());
    await teller.add(0);
    lose();
    assert.equal((await running as Error).name, "HostLostError");
    // The successor has the arguments, and not the state.
    const waiting = [teller.add(1), teller.add(2)];
    assert.deepEqual(await passing(clock, STEP_MS, Promise.all(waiting)), [41, 43]);
    assert.equal(await teller.add(1), 44);
  });
});

Deno.test("failover gap: a watch of before ends with the host; one that is begun later is of the successor", async () => {
  await withTally(NOTHING, async ({ clock, first, tally, lose }) => {
    const before = first.host.watch(tally);
    assert.equal(await tally.get(), 40);
    lose();
    const meanwhile = first.host.watch(tally);
    assert((await before).reason instanceof HostLostError);
    assert.equal(await passing(clock, STEP_MS, tally.add(1)), 41);
    const after = first.host.watch(tally);
    let isOver = false;
    Promise.race([meanwhile, after]).then(() => isOver = true);
    await clock.advance(HEARTBEAT_MS);
    assert.equal(isOver, false, "it lives");
    await first.host.killActor(tally);
    for (const watch of [meanwhile, after]) {
      assert.match((await watch).reason.message, /t was killed/);
    }
    assert((await first.host.watch(tally)).reason instanceof Error, "one that is gone has ended");
  });
});

Deno.test("failover gap: a link by a ref of before is with the successor", async () => {
  const recovery = { onGiveUp: () => {} };
  await withTally({ recovery }, async ({ clock, first, tally, lose }) => {
    const one = await first.host.createActor(Partner, []);
    const other = await first.host.createActor(Partner, []);
    lose();
    await passing(clock, STEP_MS, Promise.all([one.link(tally), other.link(tally)]));
    await other.unlink(tally);
    const down = first.host.watch(one);
    await first.host.killActor(tally);
    const { reason } = await down;
    assert(reason instanceof ActorFailedError || reason instanceof ActorStoppedError);
    assert.match(reason.message, /LinkedActorDownError: t in .* is down/);
    assert.equal(await first.host.hasActor(other), true);
  });
});
