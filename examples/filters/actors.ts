/** The stages of the pipeline as actors. @module */
import { actor, StatelessActor, transfer } from "@dramatis/dramatis";
import { type Kernel, kernel } from "@dramatis/dramatis/gpu";
import blurSource from "./blur.wgsl" with { type: "text" };
import edgesSource from "./edges.wgsl" with { type: "text" };
import { blur, type BlurArgs, edges, type EdgesArgs } from "./filters.ts";
import { encodeImage, type Image, readImage } from "./image.ts";

/** Reads and writes PNGs: work for a CPU. */
@actor(import.meta)
export class PngFiles extends StatelessActor {
  /** Decodes a file. */
  async read(path: string): Promise<Image> {
    const { width, height, pixels } = await readImage(path);
    return { width, height, pixels: transfer(pixels) };
  }

  /** Encodes into a file; returns its bytes. */
  async write(path: string, image: Image): Promise<number> {
    const png = encodeImage(image);
    await Deno.writeFile(path, png);
    return png.byteLength;
  }
}

/** One pass of a gaussian blur, across or down. */
export const blurKernel: Kernel<BlurArgs, "output"> = kernel(import.meta, "blurKernel", {
  wgsl: blurSource,
  outputs: { output: ({ p }) => p.width * p.height },
  threads: ({ p }) => [p.width, p.height, 1],
  cpu: blur,
});

/** Sobel edges. */
export const edgesKernel: Kernel<EdgesArgs, "output"> = kernel(import.meta, "edgesKernel", {
  wgsl: edgesSource,
  outputs: { output: ({ p }) => p.width * p.height },
  threads: ({ p }) => [p.width, p.height, 1],
  cpu: edges,
});
