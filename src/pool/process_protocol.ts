/** What a host and a child process say about the process itself, beside the frames. */
import { ByteSocket, type ByteStream } from "../link/byte_socket.ts";
import type { MarksView } from "../actor/marks.ts";
import type { DoorKey } from "./process_door.ts";
import type { GrantedPermissions } from "./process_permissions.ts";
import type { FromWorker, ToWorker } from "./worker_protocol.ts";

/** How the worker in a child reaches the host. */
export interface SocketUplink {
  readonly key: DoorKey;
  /** Permissions that it has only to connect, and gives back before there are actors. */
  readonly revoke: readonly Deno.PermissionDescriptor[];
}

/** What a child is to do: on its standard input, as the rest is to come from its host. */
export interface ProcessOrder {
  /** The URL of its worker's entry. */
  readonly entry: string;
  readonly name: string;
  /** The host's working directory. */
  readonly folder: string;
  readonly permissions: GrantedPermissions;
  /** By how many bytes it may grow; `null` is without end. */
  readonly growthBytes: number | null;
  /** What its worker is told first. */
  readonly start: ToWorker<SocketUplink> & { readonly kind: "start" };
}

/** From the host. */
export type ToProcess =
  | Extract<ToWorker, { readonly kind: "ping" | "stop" }>
  /** Asks what the worker runs. */
  | { readonly kind: "look" };

/** From the child. The first is one of `ready`, `absent` and `failed`. */
export type FromProcess =
  | Omit<Extract<FromWorker, { readonly kind: "ready" }>, "marks">
  | Extract<FromWorker, { readonly kind: "absent" | "failed" | "typed" | "pong" }>
  /** What its worker runs, seen while that may be busy. */
  | { readonly kind: "running"; readonly marks: MarksView }
  /** Its worker waits for its device, for too long. */
  | { readonly kind: "hung"; readonly ms: number }
  /** It has grown by so many bytes, more than it may. */
  | { readonly kind: "grown"; readonly bytes: number; readonly allowed: number };

/** The longest note: the limits of a device fit. */
const MAX_NOTE_BYTES = 64 * 1024;

/** JSON has no word for it. */
const INFINITE = "\u221e";

/** A note as text. */
export function encodeNote(note: unknown): string {
  return JSON.stringify(note, (_, value) => value === Infinity ? INFINITE : value);
}

/** What {@linkcode encodeNote} has written. */
export function decodeNote<T>(text: string): T {
  return JSON.parse(text, (_, value) => value === INFINITE ? Infinity : value);
}

/** A connection for notes. What comes before {@linkcode open} waits. */
export class Notes<Out, In> {
  readonly #socket: ByteSocket;
  readonly #early: In[] = [];
  #arrived = Promise.withResolvers<void>();
  #take: ((note: In) => void) | undefined;
  /** Resolves when it has ended: by {@linkcode close}, or because the other side is gone. */
  readonly ended: Promise<void>;

  /** Takes the stream over. */
  constructor(stream: ByteStream) {
    const socket = this.#socket = new ByteSocket(stream, MAX_NOTE_BYTES);
    const decoder = new TextDecoder();
    socket.addEventListener("message", ({ data }) => {
      this.#receive(decodeNote<In>(decoder.decode(data as ArrayBuffer)));
    });
    this.ended = new Promise((resolve) => socket.addEventListener("close", () => resolve()));
  }

  /** Takes the first note; asked before {@linkcode open}. */
  async first(): Promise<In> {
    await this.#arrived.promise;
    return this.#early.shift()!;
  }

  /** Delivers notes from now on. */
  open(take: (note: In) => void): void {
    this.#take = take;
    for (const note of this.#early.splice(0)) take(note);
  }

  post(note: Out): void {
    this.#socket.send(new TextEncoder().encode(encodeNote(note)));
  }

  /** Ends it at once: the last note has been said long ago. */
  close(): void {
    this.#socket.terminate();
  }

  #receive(note: In): void {
    if (this.#take !== undefined) return this.#take(note);
    this.#early.push(note);
    this.#arrived.resolve();
  }
}
