/** What the events of a socket carry, as far as a link looks. */
export interface LinkSocketEvent {
  /** The event's name; every implementation has it. */
  readonly type: string;
  /** `message`: an ArrayBuffer, or a string. */
  readonly data?: unknown;
  /** `close`: why, as a number; 0 or 1006 if the other side just vanished. */
  readonly code?: number;
  /** `close`: why, in words. */
  readonly reason?: string;
  /** `error`: what went wrong. */
  readonly message?: string;
}

/** What a link needs of a socket: Deno's server-side WebSocket and npm's `ws` client have it. */
export interface LinkSocket {
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** 1 is open. */
  readonly readyState: number;
  /** Bytes that were given to `send` and have not left yet. */
  readonly bufferedAmount: number;
  /** Whether what is sent waits because the connection is lost, and may come back. */
  readonly isInterrupted?: boolean;
  /** Sends a binary message. The bytes are not touched again by the caller. */
  send(data: Uint8Array<ArrayBuffer>): void;
  /** Ends the connection after what was sent. */
  close(code?: number, reason?: string): void;
  /** Ends the connection without waiting for the other side; Deno's has none. */
  terminate?(): void;
  /** Listens for one kind of event; `interrupted` is of those that can be, and `open` then tells of their return. */
  addEventListener(
    type: "open" | "message" | "close" | "error" | "interrupted",
    listener: (event: LinkSocketEvent) => void,
  ): void;
}
