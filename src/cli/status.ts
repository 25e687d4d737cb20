/**
 * `deno task status`: a table of the hosts that a host knows, their pools and their busiest actors.
 *
 * ```sh
 * deno task status ws://127.0.0.1:7300 --token-file secret
 * ```
 */
import { parseArgs } from "node:util";
import { ACCESS_OPTIONS, ACCESS_USAGE, accessOf } from "./access.ts";
import { ApiClient } from "./api_client.ts";
import { runCommand, write } from "./command.ts";
import { UsageError } from "./serve_flags.ts";
import { type ActorRow, type PoolRow, type Snapshot, statusLines } from "./status_view.ts";
import { StopSignal } from "./stop_signal.ts";

const USAGE = `Usage: deno task status URL [options]

  URL               of a host, as serve prints it: ws://host:port
  --watch           show it again every second (default on a terminal)
  --once            show it once (default elsewhere)
${ACCESS_USAGE}
  --help            this text`;

const OPTIONS = {
  help: { type: "boolean" },
  watch: { type: "boolean" },
  once: { type: "boolean" },
  ...ACCESS_OPTIONS,
} as const;

/** Milliseconds from one look to the next. */
const INTERVAL_MS = 1000;

/** Actors that are looked at; the busiest of them are shown. */
const LOOKED_AT = 10_000;

/** Lines for actors where the output is no terminal. */
const LINES = 40;

/** Cursor to the top, and all below it away: what follows takes the place of what was there. */
const CLEAR = "\x1b[H\x1b[J";

/** Runs the command; resolves to its exit code. */
export function status(args: readonly string[]): Promise<number> {
  return runCommand(async () => {
    const { values, positionals: [url, ...more] } = parse(args);
    if (values.help === true) return await write(`${USAGE}\n`);
    if (url === undefined || more.length > 0) {
      throw new UsageError("status takes the URL of one host; see --help");
    }
    if (values.watch === true && values.once === true) {
      throw new UsageError("--watch and --once exclude each other");
    }
    const client = new ApiClient(url, await accessOf(values));
    const isLive = values.watch ?? (values.once !== true && Deno.stdout.isTerminal());
    if (isLive) await watch(client);
    else await write(`${statusLines(await look(client), undefined, LINES).join("\n")}\n`);
  });
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(/\. |\.?\n/)[0]}; see --help`);
  }
}

async function watch(client: ApiClient): Promise<void> {
  using stop = new StopSignal();
  const stopped = stop.requested.then(() => null);
  let before: Snapshot | undefined;
  while (true) {
    const now = await Promise.race([look(client), stopped]);
    if (now === null) return;
    await write(`${CLEAR}${statusLines(now, before, linesLeft(now)).join("\n")}\n`);
    before = now;
    if (await Promise.race([pause(INTERVAL_MS), stopped]) === null) return;
  }
}

async function look(client: ApiClient): Promise<Snapshot> {
  const [{ hosts }, { pools }, { total, actors }] = await Promise.all([
    client.get("/hosts"),
    client.get("/pools"),
    client.get(`/actors?limit=${LOOKED_AT}`),
  ]) as [
    Pick<Snapshot, "hosts">,
    { pools: PoolRow[] },
    { total: number; actors: ActorRow[] },
  ];
  return { at: performance.now(), hosts, pools, total, actors };
}

/** Lines for actors that the terminal has beside the rest. */
function linesLeft({ hosts, pools }: Snapshot): number {
  if (!Deno.stdout.isTerminal()) return LINES;
  return Math.max(3, Deno.consoleSize().rows - hosts.length - pools.length - 9);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.main) Deno.exit(await status(Deno.args));
