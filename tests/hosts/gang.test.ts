/** Gangs over hosts, of which one has no room any more and has not said so yet. */
import assert from "node:assert/strict";
import {
  type Actor,
  type ActorRef,
  addressOf,
  anyHost,
  type Host,
  idleLabel,
  PlacementError,
  workerPool,
} from "@dramatis/dramatis";
import { startTestCluster, type TestCluster } from "@dramatis/dramatis/testing";
import { Counter } from "../fixtures/actors.ts";

const MODULES = [import.meta.resolve("../fixtures/actors.ts")];
const CARD = workerPool({ count: 1, labels: ["card"] });
const PLACE = [anyHost(), idleLabel("card", "m")];

const hostOf = (ref: ActorRef<Actor>) => addressOf(ref).host;

/** Three hosts with a card each, of which the second gives its own away as the first does not hear of it. */
async function withStaleNews(
  make: (hosts: readonly Host[]) => Promise<unknown>,
  body: (made: PromiseSettledResult<unknown>, hosts: readonly Host[]) => Promise<void>,
  more = 0,
): Promise<void> {
  await using cluster: TestCluster = await startTestCluster({
    hosts: 3,
    modules: MODULES,
    pools: [CARD],
    // What is held back is not to be taken for a loss.
    heartbeatMs: 60_000,
  });
  const hosts = cluster.hosts.map(({ host }) => host);
  const [first, second, third] = hosts as [Host, Host, Host];
  for (let i = 0; i < more; i++) await third.appendPool(CARD);
  await until(() =>
    first.pools().filter(({ labels }) => labels.includes("card")).length === 3 + more
  );
  const link = cluster.link(cluster.hosts[0], cluster.hosts[1]);
  link.fence();
  const other = await second.createActor(Counter, [], { place: idleLabel("card", "m") });
  const made = Promise.allSettled([make(hosts)]);
  // Its order is on its way by now: it is sent in the turn in which it is made.
  await turn();
  link.lift();
  const [settled] = await made;
  await body(settled!, hosts);
  await second.destroyActor(other);
  await until(() => first.pools().every(({ held }) => held === undefined));
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

function members(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    type: Counter,
    args: [i] as [number],
    options: { uid: `member-${i}`, place: PLACE },
  }));
}

/** How many members there are on any of the hosts. */
async function count(hosts: readonly Host[]): Promise<number> {
  const has = await Promise.all(
    hosts.flatMap((host) => [0, 1, 2].map((i) => host.hasActor(`member-${i}`))),
  );
  return has.filter(Boolean).length;
}

Deno.test("createActors: a member that its host refuses gets another pool", async () => {
  await withStaleNews(
    ([first]) => first!.createActors(members(3), { strategy: "spread" }),
    async (made, hosts) => {
      assert(made.status === "fulfilled", String((made as PromiseRejectedResult).reason));
      const refs = made.value as ActorRef<Counter>[];
      const [first, , third] = hosts as [Host, Host, Host];
      assert.deepEqual(refs.map(hostOf).sort(), [first.id, third.id, third.id].sort());
      assert.deepEqual(await Promise.all(refs.map((ref) => ref.get())), [0, 1, 2]);
      assert.equal(await count(hosts), 3, "none is there twice");
      for (const ref of refs) await first.destroyActor(ref);
    },
    1,
  );
});

Deno.test("createActors: if no other will do, nothing stays, and every reason is said", async () => {
  await withStaleNews(
    ([first]) => first!.createActors(members(3), { strategy: "spread" }),
    async (made, hosts) => {
      assert(made.status === "rejected");
      const { reason } = made;
      assert(reason instanceof PlacementError, String(reason));
      assert.match(reason.message, /^Member \d of 3 has no place/);
      const cards = reason.refusals.filter(({ pool }) => pool.startsWith("worker-1"));
      assert.equal(cards.length, 3, "each candidate");
      assert.equal(await count(hosts), 0);
    },
  );
});

Deno.test("createActors: without allOrNothing those that were made stay, and the others get another pool", async () => {
  for (const more of [0, 1]) {
    await withStaleNews(
      ([first]) => {
        return first!.createActors(members(3), { strategy: "spread", allOrNothing: false });
      },
      async (made, hosts) => {
        assert(made.status === "fulfilled");
        const settled = made.value as PromiseSettledResult<ActorRef<Counter>>[];
        const refs = settled.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
        assert.equal(refs.length, 2 + more);
        assert.equal(await count(hosts), 2 + more);
        for (const one of settled) {
          assert(one.status === "fulfilled" || one.reason instanceof PlacementError);
        }
        for (const ref of refs) await hosts[0]!.destroyActor(ref);
      },
      more,
    );
  }
});
