/**
 * `deno task demo`: one picture by every core, GPU and host; `--image photo.png`: a filter pipeline.
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { filterImage, outputOf } from "./filters/main.ts";
import { renderMandelbrot } from "./mandelbrot/main.ts";
import { SEAHORSE_VALLEY } from "./mandelbrot/mandelbrot.ts";

/** Pixels along one side: at four bytes each, 8192 by 8192 fill 256 MiB. */
const MOST_PIXELS = 8192;

const USAGE = `Usage: deno task demo [--image photo.png] [--out result.png]

  without --image  renders the Mandelbrot set on every device of two hosts
  --image FILE     blurs a PNG and draws its edges on the GPU
  --out FILE       where the picture goes (default: mandelbrot.png, or photo-edges.png)
  --width N        pixels of the Mandelbrot set to show, from its middle out
  --height N       (default: ${SEAHORSE_VALLEY.width} and ${SEAHORSE_VALLEY.height})
  --help           this text`;

/** Flags that cannot be understood or followed. */
class UsageError extends Error {}

const OPTIONS = {
  image: { type: "string" },
  out: { type: "string" },
  width: { type: "string" },
  height: { type: "string" },
  help: { type: "boolean" },
} as const;

async function demo(args: string[]): Promise<void> {
  const { image, out, help, ...size } = parse(args);
  if (help) return console.log(USAGE);
  const path = out ?? (image === undefined ? "mandelbrot.png" : outputOf(image));
  const width = pixels("--width", size.width) ?? SEAHORSE_VALLEY.width;
  const height = pixels("--height", size.height) ?? SEAHORSE_VALLEY.height;
  await checkWritable(path);
  if (image === undefined) return await renderMandelbrot(path, { width, height });
  if (size.width !== undefined || size.height !== undefined) {
    throw new UsageError("--width and --height are for the Mandelbrot set: --image has its own");
  }
  await filterImage(image, path);
}

function parse(
  args: string[],
): ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"] {
  try {
    return parseArgs({ args, options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(/\. |\.?\n/)[0]}; see --help`);
  }
}

function pixels(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= MOST_PIXELS) return value;
  throw new UsageError(
    `${flag} is a whole number from 1 to ${MOST_PIXELS}, got ${JSON.stringify(text)}`,
  );
}

/** Before the work, not after it. */
async function checkWritable(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  const isFolder = (name: string) => Deno.stat(name).then((info) => info.isDirectory, () => false);
  if (!await isFolder(folder)) throw new UsageError(`there is no folder ${folder} for ${path}`);
  if (await isFolder(path)) throw new UsageError(`--out is a file, but ${path} is a folder`);
}

if (import.meta.main) {
  try {
    await demo(Deno.args);
  } catch (error) {
    console.error(`demo: ${(error as Error).message}`);
    Deno.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
