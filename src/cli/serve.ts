/**
 * `deno task serve`: runs a host until it is told to stop.
 *
 * ```sh
 * deno task serve --port 7300 --workers 4 --gpu auto --join ws://10.0.0.2:7300 --token-file secret --modules ./actors.ts
 * ```
 */
import { stripVTControlCharacters } from "node:util";
import { formatHostId } from "../core/address.ts";
import { DramatisError } from "../core/errors.ts";
import type { Host } from "../host/host.ts";
import { startHost } from "../host/start_host.ts";
import { NO_ADAPTER } from "../../gpu/no_adapter.ts";
import { parseServeFlags, type ServeFlags, USAGE, UsageError } from "./serve_flags.ts";
import { hostOptionsOf } from "./serve_options.ts";
import { StandardInput } from "./standard_input.ts";
import { StopSignal } from "./stop_signal.ts";

/** Exit code of a command that was given something it cannot work with. */
const EXIT_USAGE = 2;

/** Runs the command; resolves to its exit code, when the host has stopped or did not start. */
export async function serve(args: readonly string[]): Promise<number> {
  using stop = new StopSignal();
  let host: Host | undefined;
  try {
    const flags = parseServeFlags(args);
    if (flags.help) {
      print(USAGE);
      return 0;
    }
    host = await start(flags, stop);
  } catch (error) {
    if (!isExpected(error)) throw error;
    complain(error);
    return EXIT_USAGE;
  }
  await stop.requested;
  print("stopping");
  await host?.drain();
  print("stopped");
  return 0;
}

/** Starts the host and says so; `undefined` if it is told to stop before. */
async function start(flags: ServeFlags, stop: StopSignal): Promise<Host | undefined> {
  const input = new StandardInput();
  const options = await hostOptionsOf(flags, input);
  if (flags.untilStdinCloses) void input.ended().then(() => stop.request());
  // A start that waits, for a host to join say, does not delay the stop: nobody uses this host yet.
  const host = await Promise.race([startHost(options).catch(listening(flags)), stop.requested]);
  if (host === undefined) return undefined;
  announce(host, flags);
  return host;
}

/** The system's errors do not say of what they speak, which can only be where the host listens. */
function listening({ hostname, port }: ServeFlags): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Error) || !isSystemError(error)) throw error;
    const reason = error instanceof Deno.errors.AddrInUse
      ? "the port is taken"
      : error.message || error.name;
    throw new UsageError(`Cannot listen on ${hostname}:${port}: ${reason}`, { cause: error });
  };
}

function isSystemError(error: Error): boolean {
  return Object.hasOwn(Deno.errors, error.name) || /^failed to lookup address/.test(error.message);
}

/** What is the user's to mend: one line says what, and a stack would only hide it. */
function isExpected(error: unknown): error is Error {
  return error instanceof UsageError || error instanceof DramatisError ||
    error instanceof TypeError || error instanceof RangeError;
}

function announce(host: Host, flags: ServeFlags): void {
  print(
    `dramatis host ${formatHostId(host.id)} listens on ${
      flags.cert === undefined ? "ws" : "wss"
    }://${host.address}`,
  );
  const pools = host.pools().filter((pool) => pool.host === host.id);
  for (const { name, device } of pools) {
    print(
      `  ${name}: ${device.kind === device.name ? device.kind : `${device.kind}, ${device.name}`}`,
    );
  }
  if (flags.gpu !== "off" && !pools.some(({ kind }) => kind === "gpu")) {
    print(`  no gpu pool: ${NO_ADAPTER}`);
  }
  for (const { id, address, state } of host.hosts()) {
    const how = state === "live" ? "linked with" : "cannot reach";
    print(`  ${how} host ${formatHostId(id)} at ${address ?? "(it does not listen)"}`);
  }
}

function print(line: string): void {
  // deno-lint-ignore no-console
  console.log(line);
}

/** One line: of what other programs say in it, no more and no control characters. */
function complain({ message }: Error): void {
  const [line = ""] = stripVTControlCharacters(message).split("\n");
  // deno-lint-ignore no-console
  console.error(`dramatis: ${line.replace(/\p{Cc}+/gu, " ").trimEnd()}`);
}

// A thread that is held by a loop keeps the process from ending by itself.
if (import.meta.main) Deno.exit(await serve(Deno.args));
