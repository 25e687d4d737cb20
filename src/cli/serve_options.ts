import { pathToFileURL } from "node:url";
import type { HostOptions } from "../host/options.ts";
import { workerPool } from "../pool/worker.ts";
import { gpuPool } from "../../gpu/gpu_pool.ts";
import { type ServeFlags, UsageError } from "./serve_flags.ts";

/**
 * What to start a host with by these flags.
 *
 * @throws {UsageError} if the token's file cannot be read or is empty.
 */
export async function hostOptionsOf(flags: ServeFlags): Promise<HostOptions> {
  const workers = workerPool(flags.workers === undefined ? {} : { count: flags.workers });
  const gpu = flags.gpu === "off" ? [] : [gpuPool({ required: flags.gpu === "require" })];
  const token = flags.tokenFile === undefined ? undefined : await readToken(flags.tokenFile);
  return {
    pools: [workers, ...gpu],
    listen: { port: flags.port, hostname: flags.hostname },
    join: flags.join,
    modules: flags.modules.map(moduleUrl),
    ...(token === undefined ? {} : { token }),
  };
}

async function readToken(file: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    throw new UsageError(`Cannot read --token-file ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
  const token = text.trim();
  if (token === "") throw new UsageError(`--token-file ${file} is empty`);
  return token;
}

/** A path as the user gave it, or a URL. */
function moduleUrl(module: string): string {
  return /^[a-z]+:/i.test(module) ? module : pathToFileURL(module).href;
}
