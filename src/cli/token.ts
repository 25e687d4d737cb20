import { UsageError } from "./serve_flags.ts";
import type { StandardInput } from "./standard_input.ts";

/** The variables that have tokens: of commands which ask a host the first. */
export const TOKEN_VARIABLES = Object.freeze(
  {
    token: "DRAMATIS_TOKEN",
    clientToken: "DRAMATIS_CLIENT_TOKEN",
    readToken: "DRAMATIS_READ_TOKEN",
  } as const,
);

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
 * A token in the environment.
 *
 * @throws {UsageError} if it is no secret that can be sent.
 */
export function tokenOfEnvironment(variable: string): string | undefined {
  const text = Deno.env.get(variable);
  return text === undefined ? undefined : checkToken(variable, text);
}

function checkToken(name: string, text: string): string {
  const token = text.trim();
  if (token === "") throw new UsageError(`${name} is empty`);
  // It travels in an HTTP header. What it is must not be said.
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new UsageError(`${name} is not one word of ASCII letters, digits and signs`);
}
