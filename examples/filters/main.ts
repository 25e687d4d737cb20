/** The demo with `--image`: decode on a CPU, blur and edges on the GPU, encode on a CPU. @module */
// deno-lint-ignore-file no-console
import { resolve } from "node:path";
import {
  type ActorRef,
  device,
  type Host,
  randomWorker,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { gpuPool } from "@dramatis/dramatis/gpu";
import { blurKernel, edgesKernel, PngFiles } from "./actors.ts";
import { gaussianWeights } from "./filters.ts";
import { noGpuNotice } from "../no_gpu.ts";

/** Pixels that the blur reaches. */
const RADIUS = 4;
/** How bright edges are drawn. */
const GAIN = 3;

/** Filters one PNG into another. */
export async function filterImage(path: string, out: string): Promise<void> {
  await using host = await startHost({
    pools: [workerPool(), gpuPool()],
    // A picture takes as long as the machine needs: that is not worth a report.
    debug: false,
  });
  const files = await host.createActor(PngFiles, [], { place: randomWorker() });
  const place = device({ prefer: "gpu", fallback: "cpu" });
  const blur = await host.createActor(blurKernel, [], { place });
  const edges = await host.createActor(edgesKernel, [], { place });

  const image = await timed(host, "decode", files, () => files.read(path));
  const notice = noGpuNotice(host.poolOf(blur));
  if (notice !== undefined) console.log(notice);
  const { width, height } = image;
  const size = { width, height, radius: RADIUS };
  const weights = gaussianWeights(RADIUS);
  // Between the kernels the pixels stay on the device.
  const output = await timed(host, "blur and edges", edges, async () => {
    using across = (await blur.run({
      source: image.pixels,
      weights,
      p: { ...size, vertical: 0 },
    })).output;
    using down = (await blur.run({ source: across, weights, p: { ...size, vertical: 1 } })).output;
    return (await edges.compute({ source: down, p: { width, height, gain: GAIN } })).output;
  });
  const bytes = await timed(
    host,
    "encode",
    files,
    () => files.write(out, { width, height, pixels: output }),
  );
  console.log(`${resolve(out)} (${width}x${height}, ${bytes} bytes)`);
}

async function timed<T>(
  host: Host,
  what: string,
  where: ActorRef,
  work: () => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const result = await work();
  const ms = (performance.now() - started).toFixed(0);
  const { name, device } = host.poolOf(where);
  console.log(`${what.padEnd(16)}${ms.padStart(6)} ms  ${name}, ${device.name}`);
  return result;
}

/** Where the result goes unless told: beside the image. */
export function outputOf(path: string): string {
  return `${path.replace(/\.png$/i, "")}-edges.png`;
}
