// deno-lint-ignore-file no-console
/**
 * `deno task wgsl:types FILE.wgsl`: prints TypeScript types for the arguments of a kernel.
 * `deno task wgsl:types FILE.wgsl --check TYPES.ts`: says whether a file still has these types.
 *
 * ```sh
 * deno task wgsl:types saxpy.wgsl > saxpy_args.ts
 * deno task wgsl:types saxpy.wgsl --check saxpy_args.ts
 * ```
 */
import { basename } from "node:path";
import { DramatisError } from "../core/errors.ts";
import { argumentTypes, sameTypes } from "../../gpu/argument_types.ts";
import { reflectModule } from "../../gpu/reflection.ts";

/** Exit code of a check that finds types of another WGSL. */
const EXIT_STALE = 1;

/** Exit code of a command that was given something it cannot work with. */
const EXIT_USAGE = 2;

/** Runs the command; resolves to its exit code. */
export async function wgslTypes(args: readonly string[]): Promise<number> {
  const [file, flag, known] = args;
  const isCheck = args.length === 3 && flag === "--check" && known !== undefined;
  if (file === undefined || file.startsWith("-") || (args.length !== 1 && !isCheck)) {
    console.error("Usage: deno task wgsl:types FILE.wgsl [--check TYPES.ts]");
    return EXIT_USAGE;
  }
  let reading = file;
  try {
    const wgsl = await Deno.readTextFile(file);
    const types = argumentTypes(basename(file, ".wgsl"), reflectModule(wgsl));
    if (!isCheck) {
      console.log(types.trimEnd());
      return 0;
    }
    reading = known;
    if (sameTypes(types, await Deno.readTextFile(known))) return 0;
    console.error(
      `${known} has not the types of ${file}: deno task wgsl:types ${file} > ${known}`,
    );
    return EXIT_STALE;
  } catch (error) {
    if (!(error instanceof DramatisError) && !(error instanceof Deno.errors.NotFound)) throw error;
    console.error(`${reading}: ${error.message}`);
    return EXIT_USAGE;
  }
}

if (import.meta.main) Deno.exit(await wgslTypes(Deno.args));
