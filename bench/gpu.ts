/**
 * `deno task bench:gpu [--json FILE]`: what GPU actors cost beside the same work by bare WebGPU calls,
 * interleaved in the same run. Recording is measured where nothing is computed, on Dawn's null backend
 * from npm's `webgpu`, and on the machine's own adapter; all else on that.
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { type GpuHandle, openGpu } from "../gpu/device.ts";
import { NO_ADAPTER } from "../gpu/no_adapter.ts";
import { quietLoader } from "../gpu/quiet_loader.ts";
import { acrossIsolates, fromMain, recovery } from "./gpu_hosts.ts";
import {
  chains,
  gaps,
  longKernels,
  readingBack,
  recording,
  residency,
  steadyState,
  transfers,
} from "./gpu_lane.ts";
import { standardKernels } from "./gpu_standard.ts";
import { Report } from "./harness.ts";

const { values } = parseArgs({ args: Deno.args, options: { json: { type: "string" } } });
quietLoader();
const report = new Report();

try {
  await using dawn = await openGpu({ adapter: { provider: "dawn", backend: "null" } });
  if (dawn === null) throw new Error("it has no null backend");
  await recording(report, dawn, "Dawn null");
  await residency(report, dawn, "Dawn null");
  await acrossIsolates(report, { provider: "dawn", backend: "null" }, "Dawn null");
} catch (error) {
  console.log(`Dawn could not be measured: ${(error as Error).message}`);
}

const gpu: GpuHandle | null = await openGpu();
if (gpu === null) {
  console.error(`bench:gpu: ${NO_ADAPTER}`);
  Deno.exit(1);
}
console.log(`${gpu.description.name} (${gpu.description.kind})`);
await recording(report, gpu, "its own");
await longKernels(report, gpu);
await readingBack(report, gpu);
await chains(report, gpu);
await residency(report, gpu, "its own");
await transfers(report, gpu);
await steadyState(report, gpu);
await gaps(report, gpu);
await standardKernels(report, gpu);
await gpu.close();
await acrossIsolates(report, {}, "its own");
await fromMain(report);
await recovery(report);

if (values.json !== undefined) {
  const lines = report.figures.map((figure) => JSON.stringify(figure));
  await Deno.writeTextFile(values.json, lines.join("\n") + "\n");
}
// Dawn would keep the process alive.
Deno.exit(0);
