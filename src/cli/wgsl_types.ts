// deno-lint-ignore-file no-console
/**
 * `deno task wgsl:types FILE.wgsl`: prints TypeScript types for the arguments of a kernel.
 *
 * ```sh
 * deno task wgsl:types saxpy.wgsl > saxpy_args.ts
 * ```
 */
import { basename } from "node:path";
import { DramatisError } from "../core/errors.ts";
import { argumentTypes } from "../../gpu/argument_types.ts";
import { reflectModule } from "../../gpu/reflection.ts";

/** Exit code of a command that was given something it cannot work with. */
const EXIT_USAGE = 2;

/** Runs the command; resolves to its exit code. */
export async function wgslTypes(args: readonly string[]): Promise<number> {
  const [file] = args;
  if (args.length !== 1 || file === undefined || file.startsWith("-")) {
    console.error("Usage: deno task wgsl:types FILE.wgsl");
    return EXIT_USAGE;
  }
  try {
    const wgsl = await Deno.readTextFile(file);
    console.log(argumentTypes(basename(file, ".wgsl"), reflectModule(wgsl)).trimEnd());
    return 0;
  } catch (error) {
    if (!(error instanceof DramatisError) && !(error instanceof Deno.errors.NotFound)) throw error;
    console.error(`${file}: ${error.message}`);
    return EXIT_USAGE;
  }
}

if (import.meta.main) Deno.exit(await wgslTypes(Deno.args));
