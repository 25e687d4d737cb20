/**
 * `deno task demo`: one picture by every core, GPU and host; `--image photo.png`: a filter pipeline.
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { filterImage } from "./filters/main.ts";
import { renderMandelbrot } from "./mandelbrot/main.ts";

const USAGE = `Usage: deno task demo [--image photo.png] [--out result.png]

  without --image  renders the Mandelbrot set on every device of two hosts
  --image FILE     blurs a PNG and draws its edges on the GPU
  --out FILE       where the picture goes (default: mandelbrot.png, or photo-edges.png)`;

async function main(args: string[]): Promise<number> {
  let values;
  try {
    const options = {
      image: { type: "string" },
      out: { type: "string" },
      help: { type: "boolean" },
    } as const;
    values = parseArgs({ args, options }).values;
  } catch (error) {
    console.error(`demo: ${(error as Error).message.split(". ")[0]}\n\n${USAGE}`);
    return 2;
  }
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  try {
    if (values.image === undefined) await renderMandelbrot(values.out ?? "mandelbrot.png");
    else await filterImage(values.image, values.out);
    return 0;
  } catch (error) {
    console.error(`demo: ${(error as Error).message}`);
    return 1;
  }
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
