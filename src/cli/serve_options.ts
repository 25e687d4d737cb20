import { pathToFileURL } from "node:url";
import type { HostOptions } from "../host/options.ts";
import { processPool } from "../pool/process.ts";
import { workerPool } from "../pool/worker.ts";
import { gpuPool } from "../../gpu/gpu_pool.ts";
import { type ServeFlags, UsageError } from "./serve_flags.ts";
import type { StandardInput } from "./standard_input.ts";

/**
 * What to start a host with by these flags.
 *
 * @throws {UsageError} if the token cannot be read, or is no secret that can be sent.
 */
export async function hostOptionsOf(flags: ServeFlags, input: StandardInput): Promise<HostOptions> {
  const workers = workerPool(flags.workers === undefined ? {} : { count: flags.workers });
  const gpu = flags.gpu === "off" ? [] : [gpuPool({ required: flags.gpu === "require" })];
  const token = flags.tokenFile === undefined ? undefined : await readToken(flags.tokenFile, input);
  return {
    pools: [workers, processPool({ count: flags.processes }), ...gpu],
    listen: { port: flags.port, hostname: flags.hostname },
    join: flags.join,
    modules: flags.modules.map(moduleUrl),
    ...(token === undefined ? {} : { token }),
  };
}

async function readToken(file: string, input: StandardInput): Promise<string> {
  const name = file === "-" ? "--token-file - (standard input)" : `--token-file ${file}`;
  let text: string;
  try {
    text = file === "-" ? await input.firstLine() : await Deno.readTextFile(file);
  } catch (cause) {
    throw new UsageError(`Cannot read ${name}: ${(cause as Error).message}`, { cause });
  }
  const token = text.trim();
  if (token === "") throw new UsageError(`${name} is empty`);
  // It travels in an HTTP header. What it is must not be said.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageError(`${name} is not one word of ASCII letters, digits and signs`);
  }
  return token;
}

/** A path as the user gave it (`C:\\a.ts` is one), or a URL. */
function moduleUrl(module: string): string {
  return /^[a-z][a-z0-9+.-]+:/i.test(module) ? module : pathToFileURL(module).href;
}
