/** The demo: tiles of one picture on every device of two hosts. @module */
// deno-lint-ignore-file no-console
import { resolve } from "node:path";
import {
  type ActorRef,
  anyHost,
  device,
  formatHostId,
  type Host,
  type PoolDescription,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { gpuPool, type KernelActor } from "@dramatis/dramatis/gpu";
import { noGpuNotice } from "../no_gpu.ts";
import { startSecondHost } from "../second_host.ts";
import { type MandelbrotArgs, mandelbrotKernel } from "./kernel.ts";
import { SEAHORSE_VALLEY, type Tile, tiles } from "./mandelbrot.ts";
import { Picture } from "./picture.ts";
import { Progress } from "./progress.ts";
import { type DeviceName, formatReport, tally, type TileRun } from "./report.ts";

type Renderer = ActorRef<KernelActor<MandelbrotArgs, "pixels">>;

/** Tiles on their way to one renderer: the next waits there when one is done, and no more than that. */
const IN_FLIGHT = 2;

/** Renders so many pixels of the set, from the view's middle out, and writes them to a file. */
export async function renderMandelbrot(
  path: string,
  size: { readonly width: number; readonly height: number },
): Promise<void> {
  const token = crypto.randomUUID();
  const started = performance.now();
  await using second = await startSecondHost({
    workers: 1,
    token,
    modules: [new URL("./kernel.ts", import.meta.url).href],
  });
  await using host = await startHost({
    pools: [workerPool(), gpuPool()],
    token,
    // A tile takes as long as the machine needs: that is not worth a report.
    debug: false,
  });
  await host.join(second.url);
  describePools(host);
  const renderers = await createRenderers(host);

  const view = { ...SEAHORSE_VALLEY, ...size };
  const work = tiles(view);
  console.log(`Rendering ${view.width}x${view.height} in ${work.length} tiles`);
  const picture = new Picture(view.width, view.height);
  const runs: TileRun[] = [];
  const begun = performance.now();
  {
    using progress = new Progress(work.length);
    const queue = work[Symbol.iterator]();
    const each = renderers.flatMap((renderer) => Array(IN_FLIGHT).fill(renderer) as Renderer[]);
    await Promise.all(each.map(async (renderer) => {
      // One iterator for all: whoever is free takes the next tile.
      for (const tile of queue) {
        runs.push(await renderTile(host, renderer, tile, picture));
        progress.advance();
      }
    }));
  }
  const wallMs = performance.now() - begun;

  const png = picture.encode();
  picture.verify(png);
  await Deno.writeFile(path, png);
  console.log(
    `\n${formatReport(tally(runs, renderers.map((one) => deviceOf(host, one))), wallMs)}\n`,
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${resolve(path)} (${png.byteLength} bytes, ${seconds} s in all)`);
}

async function renderTile(
  host: Host,
  renderer: Renderer,
  tile: Tile,
  picture: Picture,
): Promise<TileRun> {
  const startedMs = performance.now();
  const { pixels } = await renderer.compute({ tile });
  const endedMs = performance.now();
  picture.place(tile, pixels);
  return { ...deviceOf(host, renderer), startedMs, endedMs };
}

function deviceOf(host: Host, renderer: Renderer): DeviceName {
  const { host: id, name, device } = host.poolOf(renderer);
  return { host: nameOf(host, id), pool: name, device: device.name };
}

/** One on the GPU, or on the CPU if there is none; and one on every worker, wherever that is. */
async function createRenderers(host: Host): Promise<Renderer[]> {
  const onGpu = await host.createActor(mandelbrotKernel, [], {
    place: device({ prefer: "gpu", fallback: "cpu" }),
  });
  const chosen = host.poolOf(onGpu);
  const notice = noGpuNotice(chosen);
  if (notice !== undefined) console.log(notice);
  const free = host.pools().filter(({ kind, host: id, pool }) =>
    kind === "worker" && !(id === chosen.host && pool === chosen.pool)
  );
  // The scheduler puts each in the least loaded worker pool of both hosts.
  const place = [anyHost(), device({ prefer: "cpu", fallback: "none" })];
  const onCpus: Renderer[] = [];
  for (let i = 0; i < free.length; i++) {
    onCpus.push(await host.createActor(mandelbrotKernel, [], { place }));
  }
  return [onGpu, ...onCpus];
}

function describePools(host: Host): void {
  for (const { host: id, name, device } of host.pools()) {
    console.log(`  ${nameOf(host, id)}  ${name}  ${device.kind}: ${device.name}`);
  }
}

function nameOf(host: Host, id: PoolDescription["host"]): string {
  return `${id === host.id ? "this host" : "second host"} ${formatHostId(id)}`;
}
