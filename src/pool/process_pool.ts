import { formatPool, type HostId, type PoolId } from "../core/address.ts";
import type { Codec } from "../core/codec.ts";
import { type ExitKind, PoolLostError } from "../core/host_errors.ts";
import type { PoolDescription, RawFrame } from "../core/protocol.ts";
import type { MarksView } from "../actor/marks.ts";
import { CodeNames } from "../debug/code_names.ts";
import type { RunningCode } from "../debug/report.ts";
import { boundedLink } from "../link/bounded.ts";
import type { Link } from "../link/link.ts";
import { hungError } from "./hang_watch.ts";
import type { Pool } from "./pool.ts";
import type { ChildExit, ChildProcess } from "./process_child.ts";
import type { FromProcess, Notes, ToProcess } from "./process_protocol.ts";
import { mebibytes } from "./process_memory.ts";

/** How long a killed process may take to be gone; one that a driver holds in the kernel takes for ever. */
const KILL_MS = 5000;

/** How long a process may take to say what its worker runs; one that the system has stopped never does. */
const LOOK_MS = 1000;

/** What a {@linkcode ProcessPool} is made of. */
export interface ProcessPoolParts {
  readonly child: ChildProcess;
  readonly notes: Notes<ToProcess, FromProcess>;
  readonly link: Link;
  readonly codec: Codec;
  readonly description: PoolDescription;
}

/** A pool in a child process, as its host sees it. */
export class ProcessPool implements Pool {
  readonly description: PoolDescription;
  readonly isKillable = true;
  readonly link: Link;
  readonly down: Promise<PoolLostError>;
  readonly #child: ChildProcess;
  readonly #notes: Notes<ToProcess, FromProcess>;
  readonly #codec: Codec;
  readonly #ended = Promise.withResolvers<PoolLostError>();
  readonly #names = new CodeNames();
  readonly #pinging: (() => void)[] = [];
  readonly #looking: ((marks: MarksView | null) => void)[] = [];
  #stopping = false;
  #over = false;

  constructor({ child, notes, link, codec, description }: ProcessPoolParts) {
    this.#child = child;
    this.#notes = notes;
    this.#codec = codec;
    this.link = boundedLink(link, description.name);
    this.description = description;
    this.down = this.#ended.promise;
    notes.open((note) => this.#take(note));
    void child.exit.then((exit) => this.#exited(exit));
  }

  open(receive: (frame: RawFrame) => void): void {
    this.link.open({
      frame: (frame) => frame.kind === "goodbye" ? this.#lastWords(frame) : receive(frame),
      closed: () => void this.#cutOff(),
    });
  }

  leave(host: HostId, pool: PoolId | null, error: Error): void {
    if (this.#over) return;
    const self = { host: this.description.host, pool: this.description.pool };
    this.link.send({ kind: "down", id: 0, to: self, from: self, host, pool, error });
  }

  ping(): Promise<void> {
    return new Promise((resolve) => {
      this.#pinging.push(resolve);
      this.#notes.post({ kind: "ping" });
    });
  }

  async running(uidOf: (generation: number) => string | null): Promise<RunningCode[]> {
    const marks = await this.#look(LOOK_MS);
    return marks === null ? [] : this.#names.running(marks, uidOf);
  }

  async stop(): Promise<void> {
    if (this.#over) return;
    this.#stopping = true;
    this.#notes.post({ kind: "stop" });
    await this.down;
  }

  terminate(reason: PoolLostError): void {
    if (this.#over) return;
    this.#over = true;
    this.#child.kill();
    this.link.close();
    this.#notes.close();
    for (const tell of this.#looking.splice(0)) tell(null);
    void this.#awaitEnd(reason);
  }

  async #awaitEnd(reason: PoolLostError): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => timer = setTimeout(resolve, KILL_MS));
    await Promise.race([this.#child.exit, late]);
    clearTimeout(timer);
    this.#ended.resolve(reason);
  }

  #take(note: FromProcess): void {
    switch (note.kind) {
      case "running":
        this.#looking.shift()?.(note.marks);
        return;
      case "pong":
        this.#pinging.shift()?.();
        return;
      case "typed":
        this.#names.add(note.type, note.first, note.names);
        return;
      case "hung":
        return this.terminate(hungError(this.description, note.ms));
      case "grown":
        return this.#end(
          "memory",
          `it has grown by ${mebibytes(note.bytes)} MiB, ArrayBuffers included, and its ` +
            `memoryLimitBytes allows ${mebibytes(note.allowed)}: keep less, or raise it`,
        );
      case "ready":
      case "absent":
      case "failed":
        return;
      default:
        note satisfies never;
    }
  }

  /** What the worker runs, by the main isolate; `null` if that does not say so in time, or has ended. */
  #look(ms: number): Promise<MarksView | null> {
    if (this.#over) return Promise.resolve(null);
    return new Promise((resolve) => {
      const timer = ms === Infinity ? undefined : setTimeout(() => resolve(null), ms);
      this.#looking.push((marks) => {
        clearTimeout(timer);
        resolve(marks);
      });
      this.#notes.post({ kind: "look" });
    });
  }

  /** The link has ended: in order, with the worker alone, or with the process, whose exit says more. */
  async #cutOff(): Promise<void> {
    // It exits when it has lost its host.
    if (this.#stopping) return this.#notes.close();
    await this.#look(Infinity);
    this.#end("exit", "it closed itself or exited");
  }

  #exited({ kind, reason }: ChildExit): void {
    if (this.#stopping) {
      this.terminate(new PoolLostError(`${this.#name} was stopped`, "stopped"));
    } else {
      this.#end(kind, reason);
    }
  }

  /** What the worker says when an uncaught error ends it. */
  #lastWords(raw: RawFrame): void {
    const frame = this.#codec.decode(raw);
    if (frame.kind === "goodbye") this.#end("error", frame.reason, frame.error);
  }

  #end(exit: ExitKind, reason: string, cause?: unknown): void {
    const message = `${this.#name} is gone (${exit}): ${reason}`;
    this.terminate(new PoolLostError(message, exit, cause === undefined ? {} : { cause }));
  }

  get #name(): string {
    return `${this.description.name} (${formatPool(this.description)})`;
  }
}
