/** How commands that ask a host get in. */
import { UsageError } from "./serve_flags.ts";
import { StandardInput } from "./standard_input.ts";
import { readToken, tokenOfEnvironment } from "./token.ts";

/** What lets a command in. */
export interface Access {
  readonly token: string | undefined;
  /** The authority (PEM) of the host's certificate; `undefined` for a public one. */
  readonly ca: string | undefined;
}

/** The flags that say so. */
export const ACCESS_OPTIONS = {
  "token-file": { type: "string" },
  ca: { type: "string" },
} as const;

/** The lines of a command's usage for them. */
export const ACCESS_USAGE =
  `  --token-file F    file with the host's token; - is the first line of standard input
                    (default: the environment's DRAMATIS_TOKEN)
  --ca F            file with the authority (PEM) of the host's certificate, if it is not a public one`;

/**
 * What the flags and the environment give.
 *
 * @throws {UsageError} if a file cannot be read, or the token is no secret that can be sent.
 */
export async function accessOf(
  values: { readonly "token-file"?: string; readonly ca?: string },
): Promise<Access> {
  const { "token-file": file, ca } = values;
  return {
    token: file === undefined
      ? tokenOfEnvironment()
      : await readToken("--token-file", file, new StandardInput()),
    ca: ca === undefined ? undefined : await readText("--ca", ca),
  };
}

async function readText(flag: string, file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    throw new UsageError(`Cannot read ${flag} ${file}: ${(cause as Error).message}`, { cause });
  }
}
