import { pathToFileURL } from "node:url";
import type { DebugOptions } from "../debug/options.ts";
import { natsDirectory } from "../host/directory/nats_directory.ts";
import type { HostOptions } from "../host/options.ts";
import { processPool } from "../pool/process.ts";
import { workerPool } from "../pool/worker.ts";
import { gpuPool } from "../../gpu/gpu_pool.ts";
import type { ServeFlags } from "./serve_flags.ts";
import type { StandardInput } from "./standard_input.ts";
import { readTlsFiles } from "./tls_files.ts";
import { readToken, TOKEN_VARIABLES, tokenOfEnvironment } from "./token.ts";

/**
 * What to start a host with by these flags.
 *
 * @throws {UsageError} if a file cannot be read, or a token is no secret that can be sent.
 */
export async function hostOptionsOf(flags: ServeFlags, input: StandardInput): Promise<HostOptions> {
  const workers = workerPool(flags.workers === undefined ? {} : { count: flags.workers });
  const gpu = flags.gpu === "off" ? [] : [gpuPool({ required: flags.gpu === "require" })];
  const token = await secretOf("token", "--token-file", flags.tokenFile, input);
  const clientToken = await secretOf(
    "clientToken",
    "--client-token-file",
    flags.clientTokenFile,
    input,
  );
  const readOnly = await secretOf("readToken", "--read-token-file", flags.readTokenFile, input);
  const tls = await readTlsFiles(flags);
  return {
    pools: [workers, processPool({ count: flags.processes }), ...gpu],
    listen: {
      port: flags.port,
      hostname: flags.hostname,
      ...(flags.advertise === undefined ? {} : { advertise: flags.advertise }),
      ...tls.listen,
      ...(clientToken === undefined ? {} : { clientToken }),
      ...(readOnly === undefined ? {} : { readToken: readOnly }),
      allowOrigins: flags.allowOrigin,
    },
    ...tls.host,
    join: flags.join,
    ...(flags.directory === undefined
      ? {}
      : { directory: natsDirectory({ servers: flags.directory }) }),
    ...(flags.slowMs === undefined ? {} : { debug: debugOf(flags.slowMs) }),
    modules: flags.modules.map(moduleUrl),
    ...(token === undefined ? {} : { token }),
  };
}

/** From a file or else from the environment, where no actor then finds it. */
async function secretOf(
  which: keyof typeof TOKEN_VARIABLES,
  flag: string,
  file: string | undefined,
  input: StandardInput,
): Promise<string | undefined> {
  const variable = TOKEN_VARIABLES[which];
  const text = tokenOfEnvironment(variable);
  if (text !== undefined) Deno.env.delete(variable);
  return file === undefined ? text : await readToken(flag, file, input);
}

function debugOf(slowMs: number): DebugOptions | false {
  return slowMs === 0 ? false : { slowCallMs: slowMs, blockedLoopMs: slowMs };
}

/** A path as the user gave it (`C:\\a.ts` is one), or a URL. */
function moduleUrl(module: string): string {
  return /^[a-z][a-z0-9+.-]+:/i.test(module) ? module : pathToFileURL(module).href;
}
