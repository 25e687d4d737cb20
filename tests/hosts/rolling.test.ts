/** A host that is drained: what runs comes to its end, and the cluster goes on without it. */
import assert from "node:assert/strict";
import {
  type ActorRef,
  ActorStoppedError,
  anyHost,
  formatHostId,
  type Host,
  HostLostError,
  onHost,
  randomWorker,
  startHost,
} from "@dramatis/dramatis";
import { Counter, Gate } from "../fixtures/actors.ts";
import { Child } from "../fixtures/child.ts";
import { Sequence } from "../fixtures/sequence.ts";

const SERVE = new URL("../../src/cli/serve.ts", import.meta.url);
const MODULES = ["actors.ts", "sequence.ts"].map((file) =>
  new URL(`../fixtures/${file}`, import.meta.url).href
);
const COMMON = { pools: [], modules: MODULES, debug: false as const, onDeadLetter: () => {} };

/** `deno task serve` as a process. */
async function serve(join: readonly string[]): Promise<{ child: Child; id: string; url: string }> {
  const args = ["--port", "0", "--workers", "1", "--gpu", "off", "--slow-ms", "0"];
  for (const module of MODULES) args.push("--modules", module);
  for (const url of join) args.push("--join", url);
  const child = new Child(SERVE, args);
  const [, id, url] = await child.line(/^dramatis host ([0-9a-f]{12}) listens on (ws:\/\/\S+)$/);
  return { child, id: id!, url: url! };
}

/** Resolves once the host knows these others, live, and no more. */
function knows(host: Host, ids: readonly string[]): Promise<void> {
  const wanted = ids.toSorted().join();
  const holds = () => {
    const live = host.hosts().filter(({ state }) => state === "live");
    return live.map(({ id }) => formatHostId(id)).sort().join() === wanted;
  };
  if (holds()) return Promise.resolve();
  return new Promise((resolve) => {
    const watch = host.watchHosts(() => {
      if (!holds()) return;
      watch[Symbol.dispose]();
      resolve();
    });
  });
}

Deno.test("drain: running messages end, queued ones come back, names are free, and others know at once", async () => {
  await using here = await startHost({ ...COMMON, heartbeatMs: 60_000 });
  const there = await startHost({ ...COMMON, listen: { port: 0 }, heartbeatMs: 60_000 });
  await here.join(there.address!);
  const place = onHost(there.id);
  const counter = await here.createActor(Counter, [7], { place, name: "counter" });
  const running = counter.slow(300);
  const queued = counter.add(1).then(() => null, (error) => error);
  await counter.peek();
  const events: string[] = [];
  using _watch = here.watchHosts(({ kind }) => events.push(kind));
  const drained = there.drain();
  assert(await queued instanceof ActorStoppedError);
  await assert.rejects(here.createActor(Counter, [1], { place }));
  assert.equal(await running, 7);
  await drained;
  await knows(here, []);
  assert.deepEqual(events, ["down"]);
  await assert.rejects(counter.get(), HostLostError);
  await here.createActor(Counter, [1], { name: "counter" });
});

Deno.test("drain: what does not end by the deadline is ended by force", async () => {
  const host = await startHost({ ...COMMON, stopTimeoutMs: 100 });
  const gate = await host.createActor(Gate, []);
  const held = gate.pass(1).then(() => null, (error) => error);
  await gate.entered();
  await host.drain({ deadlineMs: 50 });
  assert(await held instanceof Error);
  await assert.rejects(host.drain({ deadlineMs: -1 }), RangeError);
});

Deno.test("drain: a rolling restart of three hosts under load fails no call", async () => {
  await using stack = new AsyncDisposableStack();
  const first = await serve([]);
  stack.use(first.child);
  const hosts = [first];
  while (hosts.length < 3) {
    const next = await serve(hosts.map(({ url }) => url));
    stack.use(next.child);
    hosts.push(next);
  }
  await using here = await startHost({
    ...COMMON,
    modules: [],
    // As long as a busy machine needs to make an actor again.
    recovery: { waitMs: 60_000 },
    join: hosts.map(({ url }) => url),
  });
  await knows(here, hosts.map(({ id }) => id));
  const refs: ActorRef<Sequence>[] = [];
  // On one of the three: there is no worker here.
  const place = [anyHost(), randomWorker()];
  for (let i = 0; i < 6; i++) {
    const options = { place, name: `actor ${i}`, failover: true } as const;
    refs.push(await here.createActor(Sequence, [], options));
  }
  let isOver = false;
  const answered = refs.map(() => 0);
  const load = refs.flatMap((ref, i) =>
    Array.from({ length: 2 }, async () => {
      while (!isOver) {
        assert.equal(await ref.take(i), i);
        answered[i]!++;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })
  );
  const failed = Promise.race(load);
  failed.catch(() => {});
  const restart = async () => {
    for (let i = 0; i < 3; i++) {
      const { child } = hosts[i]!;
      child.kill("SIGTERM");
      const { code, stderr } = await child.ended();
      assert.equal(code, 0, stderr);
      const others = hosts.filter((_, other) => other !== i);
      hosts[i] = await serve(others.map(({ url }) => url));
      stack.use(hosts[i]!.child);
      await knows(here, hosts.map(({ id }) => id));
      // Each of the actors answers, wherever it is by now.
      const before = [...answered];
      while (answered.some((count, at) => count <= before[at]!)) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  };
  await Promise.race([restart(), failed]);
  isOver = true;
  await Promise.all(load);
});
