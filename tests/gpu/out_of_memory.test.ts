/** A device without memory for a call: that call fails, with an error of its own, and nothing else does. */
import assert from "node:assert/strict";
import { type ActorRef, device, GpuOutOfMemoryError, startHost } from "@dramatis/dramatis";
import { gpuPool, type KernelActor } from "@dramatis/dramatis/gpu";
import { NO_ADAPTER } from "../../gpu/no_adapter.ts";
import { probe } from "./fixtures/actors.ts";
import { square, type SquareArgs } from "./fixtures/kernels.ts";
import { Keeper } from "./fixtures/keeper.ts";
import { count } from "./kernels.ts";

/** What the pool may use, in bytes, and numbers that with their squares are more. */
const MEMORY = 2 ** 20;
const MANY = MEMORY / 4;

type Square = ActorRef<KernelActor<SquareArgs, "squares">>;

async function works(actor: Square): Promise<void> {
  assert.equal((await actor.compute({ x: count(8) })).squares[3], 9);
}

function isFull(error: unknown): boolean {
  assert(error instanceof GpuOutOfMemoryError, String(error));
  assert.match(error.message, /past the 1\.0 MiB that the pool may have of/);
  return true;
}

Deno.test("gpuPool({ memoryBytes }): more is GpuOutOfMemoryError for who asks, until some is freed", async (t) => {
  await using host = await startHost({ pools: [gpuPool({ memoryBytes: MEMORY })] });
  if (host.pools().length === 1) {
    if (Deno.env.get("DRAMATIS_REQUIRE_GPU") === "1") throw new Error(NO_ADAPTER);
    // deno-lint-ignore no-console -- a skipped test must say so
    return console.warn(`skipped "${t.name}": ${NO_ADAPTER}`);
  }
  const place = device({ fallback: "software" });
  const actor = await host.createActor(square, [], { place });
  const keeper = await host.createActor(Keeper, [], { place });
  const look = await host.createActor(probe, [], { place });
  await assert.rejects(actor.compute({ x: count(MANY) }), isFull);
  await works(actor);
  await assert.rejects(actor.run({ x: count(MANY) }), isFull);
  await works(actor);
  await assert.rejects(keeper.keep(2 * MANY), isFull);
  // Others go on beside one that fails.
  const [full, ...others] = await Promise.allSettled([
    actor.compute({ x: count(MANY) }),
    ...[1, 2, 3].map(() => works(actor)),
  ]);
  assert(full!.status === "rejected" && isFull(full!.reason));
  assert(others.every(({ status }) => status === "fulfilled"));
  // What is kept takes room, and gives it back.
  await keeper.keep(MANY * 3 / 4);
  await assert.rejects(actor.run({ x: count(MANY / 4) }), isFull);
  await works(actor);
  await keeper.drop();
  (await actor.run({ x: count(MANY / 4) })).squares.dispose();
  assert.equal(await look.liveBytes(), 0);
  assert.equal(host.poolOf(actor).device.memoryBytes, MEMORY);
});
