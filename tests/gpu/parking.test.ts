/** Kernel actors and GpuActors that are parked when they are idle: not while others have DeviceRefs of them. */
import assert from "node:assert/strict";
import { type Host, mainPool, onPool } from "@dramatis/dramatis";
import { ManualClock } from "@dramatis/dramatis/testing";
import { startHostWith } from "../../src/host/start_host.ts";
import { next } from "./fixtures/chains.ts";
import { Holder } from "./fixtures/holders.ts";
import { Ledger } from "./fixtures/parked_actors.ts";
import { gpuHostTest } from "./gpu_host.ts";

const IN_MAIN = mainPool();

async function stateOf(host: Host, uid: string): Promise<string | undefined> {
  const actors = (await host.inspect()).pools.flatMap(({ actors }) => actors);
  return actors.find(({ address }) => address.uid === uid)?.state;
}

/** A host whose time goes on when the test says so; its actors compute by twins, in its main pool. */
async function withHost(body: (host: Host, clock: ManualClock) => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  const host = await startHostWith({ pools: [], debug: false }, clock);
  try {
    await body(host, clock);
  } finally {
    await host.stop();
  }
}

Deno.test("parking: a kernel actor is not idle while others have its DeviceRefs", () =>
  withHost(async (host, clock) => {
    const step = await host.createActor(next, [], { uid: "k", idleMs: 1000, place: IN_MAIN });
    const { out } = await step.run({ x: Float32Array.of(1, 2) });
    const part = await out.slice(1);
    out.dispose();
    await clock.advance(5000);
    assert.equal(await stateOf(host, "k"), "running");
    assert.deepEqual(await part.read(), Float32Array.of(3));
    part.dispose();
    // The end of who has made it is waited for only as long as it has some.
    const holder = await host.createActor(Holder, [], { place: IN_MAIN });
    (await holder.run(step, Float32Array.of(1))).dispose();
    await clock.advance(5000);
    assert.equal(await stateOf(host, "k"), "parked");
    assert.deepEqual((await step.compute({ x: Float32Array.of(1) })).out, Float32Array.of(2));
  }));

Deno.test("parking: a GpuActor takes what it has for itself into its snapshot", () =>
  withHost(async (host, clock) => {
    const ledger = await host.createActor(Ledger, [], { uid: "l", idleMs: 1000, place: IN_MAIN });
    assert.equal(await ledger.add(3), 3);
    const copy = await (await ledger.cells()).slice();
    await clock.advance(5000);
    assert.equal(await stateOf(host, "l"), "running", "somebody has a ref");
    copy.dispose();
    await clock.advance(5000);
    assert.equal(await stateOf(host, "l"), "parked");
    assert.equal(await ledger.add(4), 7);
  }));

gpuHostTest(
  "parking: an actor on a device stays while others have its DeviceRefs",
  async ({ host }) => {
    const pool = host.pools().find(({ kind }) => kind === "gpu")!;
    const where = { idleMs: 20, place: onPool(pool) };
    const keeper = await host.createActor(next, [], { ...where, uid: "keeper" });
    const { out } = await keeper.run({ x: Float32Array.of(1, 2) });
    await host.createActor(next, [], { ...where, uid: "idle", idleMs: 200 });
    await until(host, "idle");
    assert.equal(await stateOf(host, "keeper"), "running");
    assert.deepEqual(await out.read(), Float32Array.of(2, 3));
    out.dispose();
    await until(host, "keeper");
    assert.deepEqual((await keeper.compute({ x: Float32Array.of(1) })).out, Float32Array.of(2));
  },
);

Deno.test("parking: a GpuActor without a snapshot is refused", async () => {
  await withHost(async (host) => {
    const { Population } = await import("./fixtures/gpu_actors.ts");
    await assert.rejects(
      host.createActor(Population, [4], { idleMs: 1000, place: IN_MAIN }),
      /snapshot/,
    );
  });
});

/** Asks again and again until an actor is parked. */
async function until(host: Host, uid: string): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (await stateOf(host, uid) !== "parked") {
    assert(performance.now() < deadline, `${uid} is not parked`);
  }
}
