/** A device for one actor alone: its own host decides, whoever asks. */
import assert from "node:assert/strict";
import {
  type ActorRef,
  device,
  type Host,
  onHost,
  onPool,
  PlacementError,
  type PoolAddress,
  startHost,
} from "@dramatis/dramatis";
import { gpuPool, type KernelActor } from "@dramatis/dramatis/gpu";
import { square, type SquareArgs } from "./fixtures/kernels.ts";
import { gpuHostTest } from "./gpu_host.ts";

type Square = ActorRef<KernelActor<SquareArgs, "squares">>;

function isRefused(error: unknown): boolean {
  return error instanceof PlacementError;
}

/** Hosts tell each other of their load now and then: waits until one has heard that a pool is free. */
async function knowsFree(by: Host, { host, pool }: PoolAddress): Promise<void> {
  const isFree = () => {
    const seen = by.pools().find((one) => one.host === host && one.pool === pool)!;
    return seen.actors === 0 && seen.held?.exclusive !== true;
  };
  while (!isFree()) await by.inspect(host);
}

gpuHostTest("device({ exclusive }): of creators on several hosts one gets it", async ({ host }) => {
  assert.equal(host.hosts().length, 0);
  const modules = [new URL("./fixtures/kernels.ts", import.meta.url).href];
  await using server = await startHost({ pools: [gpuPool()], listen: { port: 0 }, modules });
  const join = [`ws://${server.address}`];
  await using first = await startHost({ pools: [], join });
  await using second = await startHost({ pools: [], join });
  const place = [onHost(server.id), device({ exclusive: true })];
  const create = (by: Host, one = place): Promise<Square> =>
    by.createActor(square, [], { place: one });
  for (let round = 0; round < 3; round++) {
    const askers = [first, second, server, first];
    const made = await Promise.allSettled(askers.map((by) => create(by)));
    const won = made.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
    assert.equal(won.length, 1);
    for (const one of made) assert(one.status === "fulfilled" || isRefused(one.reason));
    const [winner] = won;
    assert.equal((await winner!.compute({ x: Float32Array.of(3) })).squares[0], 9);
    // Nor does anybody else come in.
    const gpu = server.poolOf(winner!);
    for (const by of [first, second]) {
      await assert.rejects(create(by, [onHost(server.id), device()]), isRefused);
      await assert.rejects(
        by.createActor(square, [], { place: onPool(gpu) }),
        /an actor has it to itself/,
      );
    }
    await server.destroyActor(winner!);
    for (const by of [first, second]) await knowsFree(by, gpu);
  }
  const shared = await create(second, [onHost(server.id), device()]);
  await assert.rejects(create(first), /wanted for one alone|it has an actor/);
  await second.destroyActor(shared);
});
