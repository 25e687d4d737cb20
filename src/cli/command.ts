/** What the commands that ask a host have in common. */
import { stripVTControlCharacters } from "node:util";
import { ApiError } from "./api_client.ts";
import { UsageError } from "./serve_flags.ts";

/** Exit code of a command whose host refused, failed or could not be reached. */
const EXIT_FAILED = 1;

/** Exit code of a command that was given something it cannot work with. */
const EXIT_USAGE = 2;

/** Runs a command; resolves to its exit code, and says on standard error why it is not 0. */
export async function runCommand(run: () => Promise<void>): Promise<number> {
  try {
    await run();
    return 0;
  } catch (error) {
    // Whoever read the output has had enough.
    if (error instanceof Deno.errors.BrokenPipe) return 0;
    if (!(error instanceof UsageError) && !(error instanceof ApiError)) throw error;
    // deno-lint-ignore no-console
    console.error(`dramatis: ${printable(error.message)}`);
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  }
}

/** Text of other programs on one line, without what a terminal would take for orders. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{Cc}+/gu, " ").trimEnd();
}

/** Writes to standard output, all of it. */
export async function write(text: string): Promise<void> {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(await Deno.stdout.write(bytes));
}
