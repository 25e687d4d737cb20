/** The Mandelbrot kernel as an actor type: WGSL for GPUs, the twin for CPUs. @module */
import { type Kernel, kernel } from "@dramatis/dramatis/gpu";
import { mandelbrot, type Tile } from "./mandelbrot.ts";
import wgsl from "./mandelbrot.wgsl" with { type: "text" };

/** What a call of {@linkcode mandelbrotKernel} is given: the tile; the pixels are its result. */
export interface MandelbrotArgs {
  readonly pixels: Uint32Array;
  readonly tile: Tile;
}

/** Renders one tile a call. */
export const mandelbrotKernel: Kernel<MandelbrotArgs, "pixels"> = kernel(
  import.meta,
  "mandelbrotKernel",
  {
    wgsl,
    outputs: { pixels: ({ tile }) => tile.width * tile.height },
    threads: ({ tile }) => [tile.width, tile.height, 1],
    cpu: mandelbrot,
  },
);
