/**
 * The main isolate of a child process. No actor lives here: they live in one worker, so that this isolate
 * always answers. It ends the process with its host whatever the worker does, sees what that runs, and
 * whether it waits for its device for too long.
 */
import { Marks } from "../actor/marks.ts";
import { HangWatch, WaitMark } from "./hang_watch.ts";
import { knock } from "./process_door.ts";
import { MemoryWatch } from "./process_memory.ts";
import {
  decodeNote,
  type FromProcess,
  Notes,
  type ProcessOrder,
  type ToProcess,
} from "./process_protocol.ts";
import { type FromWorker, isFromWorker } from "./worker_protocol.ts";

/** Makes this process a pool of the host that has started it. */
export async function runProcess(order: string): Promise<void> {
  const { entry, name, folder, permissions, growthBytes, start } = decodeNote<ProcessOrder>(order);
  // It was started where the program's deno.json is found.
  Deno.chdir(folder);
  // Ctrl-C reaches every process of a terminal: the host decides what it means.
  Deno.addSignalListener("SIGINT", () => {});
  const worker = new Worker(entry, {
    type: "module",
    name,
    deno: { permissions: permissions as unknown as Deno.PermissionOptions },
  });
  const early: FromWorker[] = [];
  worker.onmessage = ({ data }) => early.push(data);
  worker.onerror = (event) => {
    event.preventDefault();
    worker.onmessage!({ data: failed(event.message) } as MessageEvent<FromWorker>);
  };
  const mark = WaitMark.memory();
  worker.postMessage({ ...start, mark });
  const notes = new Notes<FromProcess, ToProcess>(await knock(start.uplink.key, "notes"));
  // Whatever the worker does: without its host it has no purpose.
  void notes.ended.then(() => Deno.exit(0));
  const relay = new Relay(worker, notes, growthBytes);
  for (const message of early) relay.tell(message);
  worker.onmessage = ({ data }) => relay.tell(data);
  notes.open((note) => relay.take(note));
  // The host ends the process then, which is all the same to this one.
  new HangWatch(mark, (ms) => notes.post({ kind: "hung", ms }));
}

function failed(reason: string): FromWorker {
  return { kind: "failed", phase: "import", reason };
}

/** Passes on what host and worker say to each other about the worker. */
class Relay {
  readonly #worker: Worker;
  readonly #notes: Notes<FromProcess, ToProcess>;
  readonly #growthBytes: number | null;
  #marks: Marks | undefined;

  constructor(worker: Worker, notes: Notes<FromProcess, ToProcess>, growthBytes: number | null) {
    this.#worker = worker;
    this.#notes = notes;
    this.#growthBytes = growthBytes;
  }

  /** From the host. */
  take(note: ToProcess): void {
    if (note.kind !== "look") return this.#worker.postMessage(note);
    const marks = this.#marks?.read() ?? { running: null, open: [] };
    this.#notes.post({ kind: "running", marks });
  }

  /** From the worker. */
  tell(message: FromWorker): void {
    // Once there are actors, they can post too.
    if (this.#marks !== undefined && !isFromWorker(message)) return;
    switch (message.kind) {
      case "ready": {
        const { marks, ...note } = message;
        this.#marks = new Marks(marks);
        this.#watchMemory();
        return this.#notes.post(note);
      }
      case "absent":
      case "failed":
      case "typed":
      case "pong":
        return this.#notes.post(message);
      case "joined":
      case "stopped":
        // Its link ends then, which says it.
        return;
      default:
        message satisfies never;
    }
  }

  /** From before there are actors: what it grows by is theirs. */
  #watchMemory(): void {
    const allowed = this.#growthBytes;
    if (allowed === null) return;
    new MemoryWatch(allowed, (bytes) => this.#notes.post({ kind: "grown", bytes, allowed }));
  }
}
