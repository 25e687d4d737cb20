/** Gpu pools that die and come back. */
import assert from "node:assert/strict";
import { onPool, startHost } from "@dramatis/dramatis";
import { gpuPool } from "@dramatis/dramatis/gpu";
import { NO_ADAPTER } from "../../gpu/no_adapter.ts";
import { Inmate } from "../fixtures/process_actors.ts";
import { square } from "./fixtures/kernels.ts";

for (const isolation of ["worker", "process"] as const) {
  Deno.test(`a gpu pool in a ${isolation} comes back: kernels compute, what was on the device is lost`, async (t) => {
    await using host = await startHost({
      pools: [gpuPool({ isolation })],
      recovery: { waitMs: 120_000 },
      onDeadLetter: () => {},
    });
    const pool = host.pools()[1];
    if (pool === undefined) {
      if (Deno.env.get("DRAMATIS_REQUIRE_GPU") === "1") throw new Error(NO_ADAPTER);
      // deno-lint-ignore no-console -- a skipped test must say so
      return console.warn(`skipped "${t.name}": ${NO_ADAPTER}`);
    }
    const place = onPool(pool);
    const kernel = await host.createActor(square, [], { place });
    const inmate = await host.createActor(Inmate, [], { place });
    const x = Float32Array.of(1, 2, 3);
    const { squares } = await kernel.run({ x });
    const told = assert.rejects(inmate.wait(), { name: "PoolLostError" });
    inmate.exit.tell();
    await told;
    assert.deepEqual((await kernel.compute({ x })).squares, Float32Array.of(1, 4, 9));
    await assert.rejects(squares.read());
    assert.equal(host.pools()[1]?.device.kind, pool.device.kind);
  });
}
