// deno-lint-ignore-file no-console
/** `deno run --allow-all examples/kernel/main.ts`: a kernel is called, and then wrongly. */
import { device, startHost, workerPool } from "@dramatis/dramatis";
import { gpuPool } from "@dramatis/dramatis/gpu";
import { misspelt, MISTAKES } from "./mistakes.ts";
import { saxpy } from "./saxpy.ts";

await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
const place = device({ prefer: "gpu", fallback: "cpu" });
const actor = await host.createActor(saxpy, [], { place });
const [x, y, p] = [Float32Array.of(1, 2, 3), Float32Array.of(10, 20, 30), { a: 2, n: 3 }];
console.log((await actor.compute({ x, y, p })).y, "by", host.poolOf(actor).device.name);

using once = (await actor.run({ x, y, p })).y; // stays on the device
console.log(await actor.compute({ x: once, y: once, p }));

for (const [what, args] of MISTAKES) {
  await actor.compute(args).catch(({ message }) => console.log(`${what}: ${message}`));
}
await host.createActor(misspelt, [], { place })
  .catch(({ cause }) => console.log(`bad WGSL: ${cause.message}`));
