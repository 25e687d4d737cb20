import { type ServeFlags, UsageError } from "./serve_flags.ts";

/** What the flags about TLS say, their files read. */
export interface TlsFiles {
  /** Options of the gateway. */
  readonly listen: { cert?: string; key?: string; clientCertificates?: boolean };
  /** Options of the host. */
  readonly host: { ca?: string };
}

/**
 * Reads the files of `--cert`, `--key` and `--ca`.
 *
 * @throws {UsageError} if one cannot be read, or one is missing.
 */
export async function readTlsFiles(
  { cert, key, ca, clientCertificates }: ServeFlags,
): Promise<TlsFiles> {
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key come together");
  }
  if (clientCertificates && cert === undefined) {
    throw new UsageError("--client-certificates needs --cert and --key");
  }
  return {
    listen: cert === undefined || key === undefined ? {} : {
      cert: await read("--cert", cert),
      key: await read("--key", key),
      clientCertificates,
    },
    host: ca === undefined ? {} : { ca: await read("--ca", ca) },
  };
}

async function read(flag: string, file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    throw new UsageError(`Cannot read ${flag} ${file}: ${(cause as Error).message}`, { cause });
  }
}
