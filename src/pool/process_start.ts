import { PoolStartError, type PoolStartPhase } from "../core/host_errors.ts";
import type { Pool, PoolStart } from "./pool.ts";
import type { PoolPermissions } from "./permissions.ts";
import { ChildProcess } from "./process_child.ts";
import { Door } from "./process_door.ts";
import { addDoor, grant, permissionFlags } from "./process_permissions.ts";
import { growthAllowed } from "./process_memory.ts";
import { ProcessPool } from "./process_pool.ts";
import { encodeNote, type FromProcess, Notes, type ProcessOrder } from "./process_protocol.ts";
import { socketLink } from "./process_uplink.ts";

/** What kind of process to start. */
export interface ProcessKind {
  readonly kind: "process" | "gpu";
  /** The entry of its worker: a module that calls `runWorker` with `connectToHost`. */
  readonly entry: URL;
  readonly labels: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly permissions: PoolPermissions;
  /** `null` is V8's own. */
  readonly memoryLimitBytes: number | null;
  /** Further flags of `deno run`. */
  readonly flags: readonly string[];
  /** Plain data for what opens its device. */
  readonly device?: unknown;
}

/** Milliseconds in which a process must answer: a GPU driver may take seconds to load, not half a minute. */
const START_TIMEOUT_MS = 30_000;

const MEBIBYTE = 2 ** 20;

/** The main isolate of the child. */
const MAIN = new URL("./process_main.ts", import.meta.url);

type Answer = Extract<FromProcess, { readonly kind: "ready" | "absent" | "failed" }>;

/**
 * Starts one process; `null` if it finds no device.
 *
 * @throws {PoolStartError} with the phase and reason.
 */
export async function startProcess(kind: ProcessKind, start: PoolStart): Promise<Pool | null> {
  const name = `${kind.kind}-${start.address.pool}`;
  if (Deno.build.standalone) {
    throw startError(name, "spawn", "a compiled program has no deno to start processes with");
  }
  let door: Door;
  try {
    door = await Door.open();
  } catch (cause) {
    throw startError(name, "spawn", (cause as Error).message, cause);
  }
  try {
    return await startAt(door, name, kind, start);
  } finally {
    await door.close();
  }
}

async function startAt(
  door: Door,
  name: string,
  kind: ProcessKind,
  start: PoolStart,
): Promise<Pool | null> {
  let child: ChildProcess;
  try {
    child = spawn(door, name, kind, start);
  } catch (cause) {
    throw startError(name, "spawn", (cause as Error).message, cause);
  }
  const opened: { close(): void }[] = [];
  try {
    const notes = door.connection("notes").then((connection) => {
      const notes = new Notes<never, FromProcess>(connection);
      opened.push(notes);
      return notes;
    });
    const frames = door.connection("frames").then((connection) => {
      const link = socketLink(connection, start.codec);
      opened.push(link);
      return link;
    });
    const answer = await firstAnswer(name, child, notes);
    if (answer.kind === "failed") throw startError(name, answer.phase, withHint(answer.reason));
    if (answer.kind === "ready") {
      const { labels } = kind;
      const { device } = answer;
      const description = { ...start.address, name, kind: kind.kind, labels, device, actors: 0 };
      const { codec } = start;
      return new ProcessPool({ child, notes: await notes, link: await frames, codec, description });
    }
    await end(child, opened);
    return null;
  } catch (error) {
    await end(child, opened);
    throw error;
  }
}

/** Whatever was begun ends: nothing is left behind. */
async function end(child: ChildProcess, opened: readonly { close(): void }[]): Promise<void> {
  child.kill();
  for (const one of opened) one.close();
  await child.exit;
}

function spawn(door: Door, name: string, kind: ProcessKind, start: PoolStart): ChildProcess {
  const granted = grant(kind.permissions);
  const { permissions, revoke } = addDoor(granted, door.key);
  const { address, firstId, callTimeoutMs, debug } = start;
  const uplink = { key: door.key, revoke };
  const { memoryLimitBytes } = kind;
  const order: ProcessOrder = {
    entry: kind.entry.href,
    name,
    folder: Deno.cwd(),
    permissions,
    growthBytes: memoryLimitBytes === null ? null : growthAllowed(memoryLimitBytes),
    start: { kind: "start", address, uplink, firstId, callTimeoutMs, debug, device: kind.device },
  };
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      ...kind.flags,
      ...permissionFlags(granted),
      "--unstable-worker-options",
      // Its worker then need not look at what only hosts load.
      "--unstable-lazy-dynamic-imports",
      ...memoryLimitBytes === null
        ? []
        : [`--v8-flags=--max-old-space-size=${Math.round(memoryLimitBytes / MEBIBYTE)}`],
      "-",
    ],
    env: kind.env,
    stdin: "piped",
    stderr: "piped",
    ...programFolder(),
  });
  const script = `import { runProcess } from ${JSON.stringify(MAIN.href)};
await runProcess(${JSON.stringify(encodeNote(order))});`;
  return new ChildProcess(command, script);
}

/** What a script on standard input resolves names with is looked for from here on upwards: as for the program. */
function programFolder(): { cwd?: URL } {
  const main = URL.parse(Deno.mainModule);
  return main?.protocol === "file:" ? { cwd: new URL(".", main) } : {};
}

/** What Deno says of a name that it cannot resolve does not say why the host could. */
function withHint(reason: string): string {
  if (!/not a dependency|not in import map/.test(reason)) return reason;
  return `${reason}\nA process finds the deno.json of the program's main module; ` +
    "a --config or --import-map of the host is to be given in its flags";
}

/** The first that a child says. */
async function firstAnswer(
  name: string,
  child: ChildProcess,
  notes: Promise<Notes<never, FromProcess>>,
): Promise<Answer> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = startError(name, "handshake", `no answer in ${START_TIMEOUT_MS} ms`);
    timer = setTimeout(() => reject(error), START_TIMEOUT_MS);
  });
  const died = child.exit.then(({ reason }): never => {
    throw startError(name, "import", reason);
  });
  try {
    return await Promise.race([
      notes.then((notes) => notes.first() as Promise<Answer>),
      died,
      late,
    ]);
  } finally {
    clearTimeout(timer);
    died.catch(() => {});
  }
}

function startError(
  name: string,
  phase: PoolStartPhase,
  reason: string,
  cause?: unknown,
): PoolStartError {
  const message = `${name} could not be started (${phase}): ${reason}`;
  return new PoolStartError(message, phase, cause === undefined ? {} : { cause });
}
