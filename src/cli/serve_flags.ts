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
  --token-file F    file with the secret that hosts show each other; - is the first line of standard input
  --modules M       module whose actors other hosts may create here; may be repeated
  --until-stdin-closes
                    stop when standard input ends: for a program that starts a host of its own,
                    which then ends with it however that ends
  --help            this text`;

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
  readonly tokenFile: string | undefined;
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
  return {
    help: values.help ?? false,
    port: wholeNumber("--port", values.port, 65535) ?? DEFAULT_PORT,
    hostname: values.hostname ?? "127.0.0.1",
    workers: wholeNumber("--workers", values.workers, 256),
    processes: wholeNumber("--processes", values.processes, 256) ?? 0,
    gpu,
    join: values.join ?? [],
    tokenFile: values["token-file"],
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
  "token-file": { type: "string" },
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
