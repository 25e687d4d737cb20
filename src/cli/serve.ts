/**
 * `deno task serve`: runs a host until it is told to stop.
 *
 * ```sh
 * deno task serve --port 7300 --workers 4 --gpu auto --join ws://10.0.0.2:7300 --token-file secret --modules ./actors.ts
 * ```
 */
import { formatHostId } from "../core/address.ts";
import { DramatisError } from "../core/errors.ts";
import { type Host, startHost } from "../host/host.ts";
import { parseServeFlags, type ServeFlags, USAGE, UsageError } from "./serve_flags.ts";
import { hostOptionsOf } from "./serve_options.ts";

/** Exit code of a command that was given something it cannot work with. */
const EXIT_USAGE = 2;

/** Runs the command; resolves to its exit code when the host has stopped. */
export async function serve(args: readonly string[]): Promise<number> {
  const stop = stopSignal();
  let host: Host | undefined;
  try {
    const flags = parseServeFlags(args);
    if (flags.help) return print(USAGE), 0;
    host = await startHost(await hostOptionsOf(flags));
    announce(host, flags);
    await stop.requested;
    print("stopping");
    await host.stop();
    print("stopped");
    return 0;
  } catch (error) {
    if (!isExpected(error)) throw error;
    complain(error.message);
    return EXIT_USAGE;
  } finally {
    stop.release();
  }
}

/** What is the user's to mend: one line says what, and a stack would only hide it. */
function isExpected(error: unknown): error is Error {
  return error instanceof UsageError || error instanceof DramatisError ||
    error instanceof TypeError || error instanceof RangeError ||
    error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.AddrNotAvailable ||
    error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied;
}

/** Ctrl-C and SIGTERM stop in order; a second one does not wait. */
function stopSignal(): { requested: Promise<void>; release(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  const onSignal = () => {
    if (++count > 1) Deno.exit(130);
    resolve();
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  return {
    requested: promise,
    release() {
      for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
    },
  };
}

function announce(host: Host, flags: ServeFlags): void {
  print(`dramatis host ${formatHostId(host.id)} listens on ws://${host.address}`);
  const pools = host.pools().filter((pool) => pool.host === host.id);
  for (const { name, device } of pools) print(`  ${name}: ${device.kind}, ${device.name}`);
  if (flags.gpu !== "off" && !pools.some(({ kind }) => kind === "gpu")) {
    print(
      "  no gpu pool: no WebGPU adapter found (on Debian: apt-get install libvulkan1 and a driver)",
    );
  }
  for (const { id, address } of host.hosts()) {
    print(`  linked with host ${formatHostId(id)} at ${address ?? "(it does not listen)"}`);
  }
}

function print(line: string): void {
  // deno-lint-ignore no-console
  console.log(line);
}

function complain(message: string): void {
  // deno-lint-ignore no-console
  console.error(`dramatis: ${message.split("\n")[0]}`);
}

// A thread that is held by a loop keeps the process from ending by itself.
if (import.meta.main) Deno.exit(await serve(Deno.args));
