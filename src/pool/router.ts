import type { Frame, RawFrame } from "../core/protocol.ts";

/** Finds the link for a frame by its destination. */
export interface Router {
  /**
   * Sends a frame of this pool's own towards its destination.
   *
   * @throws {PoolLostError} or {@linkcode HostLostError} if no link leads there.
   * @throws {NotSerializableError} if a value in it cannot travel.
   */
  send(frame: Frame): void;
  /** Passes a frame on. If no link leads there and its sender waits, the sender is told. */
  forward(frame: RawFrame): void;
}
