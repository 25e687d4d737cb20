import { parseArgs } from "node:util";
import { DEFAULT_PORT } from "../host/options.ts";

/** How the command is called. */
export const USAGE = `Usage: deno task serve [options]

  --port N          where to listen, 0 for a free port (default ${DEFAULT_PORT})
  --hostname A      the interface to listen on (default 127.0.0.1; others need a token)
  --workers N       worker pools (default: one per CPU core)
  --processes N     process pools, each an isolated Deno process (default: 0)
  --gpu MODE        auto: a gpu pool if there is an adapter (default); require: fail without; off: none
  --join URL        link with another host, ws://host:port; may be repeated
  --directory URL   keep names and hosts in NATS, nats://host:4222 (default: in the hosts themselves);
                    hosts that do so find each other
  --advertise A     host:port that other hosts reach this one at, where it is not what it listens on
  --cert F          certificate (PEM file) for TLS: the gateway is at wss:// and https:// then
  --key F           its key (PEM file)
  --ca F            certificate of the authority of other hosts' certificates, if it is not a public one
  --client-certificates
                    let in only those with a certificate of that authority
  --token-file F    file with the secret that hosts show each other; - is the first line of standard input
                    (default: the environment's DRAMATIS_TOKEN; of the others below: DRAMATIS_CLIENT_TOKEN
                    and DRAMATIS_READ_TOKEN)
  --client-token-file F
                    file with a second secret, for programs that call actors and make those of --modules
                    (connect, call), but are no hosts
  --allow-origin O  origin whose web pages may link as clients, https://app.example.org; may be repeated
  --read-token-file F
                    file with another one, for people and monitors: it lets them look, no more
  --slow-ms N       report calls that take longer, and pools that do not answer for so long
                    (default 1000; 0: nothing is reported)
  --modules M       module whose actors other hosts may create here; may be repeated
  --until-stdin-closes
                    stop when standard input ends: for a program that starts a host of its own,
                    which then ends with it however that ends
  --help            this text`;

/** A day. */
const MAX_SLOW_MS = 86_400_000;

/** A flag that cannot be understood. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The flags, checked. */
export interface ServeFlags {
  readonly help: boolean;
  readonly port: number;
  readonly hostname: string;
  /** `undefined`: one per core. */
  readonly workers: number | undefined;
  readonly processes: number;
  readonly gpu: "auto" | "require" | "off";
  readonly join: readonly string[];
  /** `undefined`: in memory. */
  readonly directory: string | undefined;
  readonly advertise: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly ca: string | undefined;
  readonly clientCertificates: boolean;
  readonly tokenFile: string | undefined;
  readonly clientTokenFile: string | undefined;
  readonly readTokenFile: string | undefined;
  readonly allowOrigin: readonly string[];
  /** `undefined`: the host's default. */
  readonly slowMs: number | undefined;
  readonly modules: readonly string[];
  readonly untilStdinCloses: boolean;
}

/**
 * Reads the command line.
 *
 * @throws {UsageError} that names the flag and what it takes.
 */
export function parseServeFlags(args: readonly string[]): ServeFlags {
  const values = parse(args);
  const gpu = values.gpu ?? "auto";
  if (gpu !== "auto" && gpu !== "require" && gpu !== "off") {
    throw new UsageError(`--gpu is auto, require or off, got ${JSON.stringify(gpu)}`);
  }
  if (values.hostname === "") {
    throw new UsageError("--hostname is an interface's address, got none");
  }
  // What it is may hold a secret: that is not said.
  if (values.directory !== undefined && !/^nats:\/\/./.test(values.directory)) {
    throw new UsageError("--directory is a NATS server, nats://host:4222");
  }
  return {
    help: values.help ?? false,
    port: wholeNumber("--port", values.port, 65535) ?? DEFAULT_PORT,
    hostname: values.hostname ?? "127.0.0.1",
    workers: wholeNumber("--workers", values.workers, 256),
    processes: wholeNumber("--processes", values.processes, 256) ?? 0,
    gpu,
    join: values.join ?? [],
    directory: values.directory,
    advertise: values.advertise,
    cert: values.cert,
    key: values.key,
    ca: values.ca,
    clientCertificates: values["client-certificates"] ?? false,
    tokenFile: values["token-file"],
    clientTokenFile: values["client-token-file"],
    readTokenFile: values["read-token-file"],
    allowOrigin: values["allow-origin"] ?? [],
    slowMs: wholeNumber("--slow-ms", values["slow-ms"], MAX_SLOW_MS),
    modules: values.modules ?? [],
    untilStdinCloses: values["until-stdin-closes"] ?? false,
  };
}

const OPTIONS = {
  help: { type: "boolean" },
  port: { type: "string" },
  hostname: { type: "string" },
  workers: { type: "string" },
  processes: { type: "string" },
  gpu: { type: "string" },
  join: { type: "string", multiple: true },
  directory: { type: "string" },
  advertise: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
  ca: { type: "string" },
  "client-certificates": { type: "boolean" },
  "token-file": { type: "string" },
  "client-token-file": { type: "string" },
  "read-token-file": { type: "string" },
  "allow-origin": { type: "string", multiple: true },
  "slow-ms": { type: "string" },
  modules: { type: "string", multiple: true },
  "until-stdin-closes": { type: "boolean" },
} as const;

function parse(
  args: readonly string[],
): ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"] {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(/\. |\.?\n/)[0]}; see --help`, {
      cause: error,
    });
  }
}

function wholeNumber(flag: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value <= most) return value;
  throw new UsageError(`${flag} is a whole number from 0 to ${most}, got ${JSON.stringify(text)}`);
}
