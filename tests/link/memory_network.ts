/** Sockets inside one isolate, and what can happen to them on the way. @module */
import { HostLostError } from "../../src/core/host_errors.ts";
import type { LinkSocket, LinkSocketEvent } from "../../src/link/link_socket.ts";

type Listener = (event: LinkSocketEvent) => void;

/** One end of a socket. */
export class MemorySocket implements LinkSocket {
  binaryType = "blob";
  readyState = 1;
  /** How it was closed from this end. */
  closedWith: number | undefined;
  readonly #network: MemoryNetwork;
  readonly #listeners = new Map<string, Listener[]>();
  #peer: MemorySocket = this;
  #incoming: LinkSocketEvent[] = [];
  #scheduled = false;

  constructor(network: MemoryNetwork) {
    this.#network = network;
  }

  static pair(network: MemoryNetwork): [MemorySocket, MemorySocket] {
    const [a, b] = [new MemorySocket(network), new MemorySocket(network)];
    a.#peer = b;
    b.#peer = a;
    return [a, b];
  }

  get bufferedAmount(): number {
    return 0;
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    if (this.readyState !== 1) throw new Error("The socket is not open");
    this.#peer.#arrive({ type: "message", data: data.slice().buffer });
  }

  close(code = 1000, reason = ""): void {
    if (this.readyState !== 1) return;
    this.closedWith = code;
    this.readyState = 2;
    this.#peer.#arrive({ type: "close", code, reason });
  }

  /** The other end hears nothing of it: Deno's sockets have none. */
  terminate(): void {
    this.#end({ type: "close", code: 1006, reason: "" });
  }

  addEventListener(type: string, listener: Listener): void {
    const listeners = this.#listeners.get(type);
    if (listeners === undefined) this.#listeners.set(type, [listener]);
    else listeners.push(listener);
  }

  /** It vanishes with all that is on the way to it. */
  vanish(): void {
    this.#incoming = [];
    this.#end({ type: "close", code: 1006, reason: "" });
  }

  /** Goes on with what was held back. */
  wake(): void {
    if (this.#scheduled || this.#incoming.length === 0) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      while (this.#incoming.length > 0 && !this.#network.isFenced) {
        this.#take(this.#incoming.shift()!);
      }
    });
  }

  #arrive(event: LinkSocketEvent): void {
    this.#incoming.push(event);
    this.wake();
  }

  #take(event: LinkSocketEvent): void {
    if (event.type === "close") {
      // The other end hears that this one agrees.
      if (this.readyState === 1) this.#peer.#arrive(event);
      this.#end(event);
    } else if (this.readyState === 1) {
      for (const listener of this.#listeners.get(event.type) ?? []) listener(event);
      this.#network.delivered();
    }
  }

  #end(event: LinkSocketEvent): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#network.sockets.delete(this);
    for (const listener of this.#listeners.get("close") ?? []) listener(event);
  }
}

/** The way between two hosts. */
export class MemoryNetwork {
  readonly sockets = new Set<MemorySocket>();
  isFenced = false;
  /** Why a dial fails: nobody listens, or there is no way. */
  fault: "ECONNREFUSED" | "EHOSTUNREACH" | undefined;
  dials = 0;
  /** Called after each message that has come. */
  delivered: () => void = () => {};
  #waiting: (() => void)[] = [];
  readonly #accept: (socket: MemorySocket) => void;

  /** @param accept Takes the other end of what is dialled. */
  constructor(accept: (socket: MemorySocket) => void) {
    this.#accept = accept;
  }

  /** Opens a socket; waits while the way is fenced. */
  dial<T>(take: (socket: MemorySocket) => T, signal?: AbortSignal): Promise<T> {
    this.dials++;
    if (this.fault !== undefined) {
      const cause = Object.assign(new Error(this.fault), { code: this.fault });
      return Promise.reject(new HostLostError("Cannot reach it", "lost", { cause }));
    }
    if (this.isFenced) {
      return new Promise((resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
        this.#waiting.push(() => {
          if (signal?.aborted !== true) resolve(this.dial(take, signal));
        });
      });
    }
    const [near, far] = MemorySocket.pair(this);
    this.sockets.add(near).add(far);
    this.#accept(far);
    return Promise.resolve(take(near));
  }

  /** All sockets vanish, and what is on the way. */
  cut(): void {
    for (const socket of [...this.sockets]) socket.vanish();
  }

  /** Holds everything back. */
  fence(): void {
    this.isFenced = true;
  }

  /** Lets what was held back go on. */
  lift(): void {
    this.isFenced = false;
    for (const dial of this.#waiting.splice(0)) dial();
    for (const socket of this.sockets) socket.wake();
  }
}
