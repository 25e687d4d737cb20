/** How commands that ask a host get in. */
import { UsageError } from "./serve_flags.ts";
import { StandardInput } from "./standard_input.ts";
import { readToken, TOKEN_VARIABLES, tokenOfEnvironment } from "./token.ts";

/** What lets a command in. */
export interface Access {
  readonly token: string | undefined;
  /** The authority (PEM) of the host's certificate; `undefined` for a public one. */
  readonly ca: string | undefined;
  /** The certificate (PEM) to show, with its key, where the host wants one. */
  readonly certificate: { readonly cert: string; readonly key: string } | undefined;
}

/** The flags that say so. */
export const ACCESS_OPTIONS = {
  "token-file": { type: "string" },
  ca: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
} as const;

/** The lines of a command's usage for them. */
export const ACCESS_USAGE =
  `  --token-file F    file with a token of the host: its own, or that for clients or for reading;
                    - is the first line of standard input (default: the environment's DRAMATIS_TOKEN)
  --ca F            file with the authority (PEM) of the host's certificate, if it is not a public one
  --cert F, --key F certificate and key (PEM) to show, if the host wants one`;

/**
 * What the flags and the environment give.
 *
 * @throws {UsageError} if a file cannot be read, or the token is no secret that can be sent.
 */
export async function accessOf(
  values: { readonly [flag in keyof typeof ACCESS_OPTIONS]?: string },
): Promise<Access> {
  const { "token-file": file, ca, cert, key } = values;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key come together");
  }
  return {
    token: file === undefined
      ? tokenOfEnvironment(TOKEN_VARIABLES.token)
      : await readToken("--token-file", file, new StandardInput()),
    ca: ca === undefined ? undefined : await readText("--ca", ca),
    certificate: cert === undefined || key === undefined ? undefined : {
      cert: await readText("--cert", cert),
      key: await readText("--key", key),
    },
  };
}

async function readText(flag: string, file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    throw new UsageError(`Cannot read ${flag} ${file}: ${(cause as Error).message}`, { cause });
  }
}
