// deno-lint-ignore-file no-console
/**
 * `deno task wgsl:check FILE.wgsl [NAME=VALUE …]`: compiles a module's kernels, says what they bind,
 * and looks for what is wrong with them.
 *
 * ```sh
 * deno task wgsl:check reduce.wgsl WORKGROUP=64
 * ```
 */
import { openGpu } from "../../gpu/device.ts";
import { quietLoader } from "../../gpu/quiet_loader.ts";
import { checkWgsl } from "../../gpu/wgsl_check.ts";

/** Exit code of a command that was given something it cannot work with. */
const EXIT_USAGE = 2;

/** Runs the command; resolves to its exit code: 1 when the module has an error. */
export async function wgslCheck(args: readonly string[]): Promise<number> {
  const [file, ...values] = args;
  const overrides = values.map((value) => /^(\w+)=(-?[\d.]+|true|false)$/.exec(value));
  if (file === undefined || file.startsWith("-") || overrides.includes(null)) {
    console.error("Usage: deno task wgsl:check FILE.wgsl [OVERRIDE=VALUE …]");
    return EXIT_USAGE;
  }
  let wgsl: string;
  try {
    wgsl = await Deno.readTextFile(file);
  } catch (error) {
    console.error(`${file}: ${(error as Error).message}`);
    return EXIT_USAGE;
  }
  quietLoader();
  await using gpu = await openGpu();
  const findings = await checkWgsl({
    name: file,
    wgsl,
    overrides: Object.fromEntries(overrides.map((m) => [m![1]!, numberOf(m![2]!)])),
    gpu,
  });
  for (const { level, text } of findings) {
    console.log(level === "info" ? text : `${level}: ${text}`);
  }
  return findings.some(({ level }) => level === "error") ? 1 : 0;
}

function numberOf(text: string): number | boolean {
  return text === "true" || text === "false" ? text === "true" : Number(text);
}

if (import.meta.main) Deno.exit(await wgslCheck(Deno.args));
