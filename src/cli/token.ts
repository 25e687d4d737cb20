import { UsageError } from "./serve_flags.ts";
import type { StandardInput } from "./standard_input.ts";

/** The variable that has the token of commands which ask a host. */
const VARIABLE = "DRAMATIS_TOKEN";

/**
 * A secret from a file; `-` is the first line of standard input.
 *
 * @param flag What named the file.
 * @throws {UsageError} if it cannot be read, or is no secret that can be sent.
 */
export async function readToken(flag: string, file: string, input: StandardInput): Promise<string> {
  const name = file === "-" ? `${flag} - (standard input)` : `${flag} ${file}`;
  let text: string;
  try {
    text = file === "-" ? await input.firstLine() : await Deno.readTextFile(file);
  } catch (cause) {
    throw new UsageError(`Cannot read ${name}: ${(cause as Error).message}`, { cause });
  }
  return checkToken(name, text);
}

/**
 * The token in the environment, for commands that ask a host.
 *
 * @throws {UsageError} if it is no secret that can be sent.
 */
export function tokenOfEnvironment(): string | undefined {
  const text = Deno.env.get(VARIABLE);
  return text === undefined ? undefined : checkToken(VARIABLE, text);
}

function checkToken(name: string, text: string): string {
  const token = text.trim();
  if (token === "") throw new UsageError(`${name} is empty`);
  // It travels in an HTTP header. What it is must not be said.
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new UsageError(`${name} is not one word of ASCII letters, digits and signs`);
}
