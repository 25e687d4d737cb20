/**
 * What a host and its worker say about the worker itself, on the worker's own channel: what carries
 * MessagePorts, and what must not wait behind frames. All else is frames on the ports.
 */
import type { PoolAddress } from "../core/address.ts";
import type { Device } from "../core/device.ts";
import type { PoolStartPhase } from "../core/host_errors.ts";
import type { PoolDebug } from "../debug/options.ts";

/**
 * From the host. The first is `start`, exactly once.
 *
 * @typeParam Uplink What the link to the host is made from.
 */
export type ToWorker<Uplink = MessagePort> =
  | {
    readonly kind: "start";
    readonly address: PoolAddress;
    readonly uplink: Uplink;
    /** {@linkcode PoolStart.firstId} */
    readonly firstId: number;
    readonly callTimeoutMs: number;
    readonly debug: PoolDebug | null;
    /** For what opens its device. */
    readonly device?: unknown;
    /** Where it writes that it waits for its device: a {@linkcode WaitMark}. */
    readonly mark?: SharedArrayBuffer | undefined;
  }
  | {
    readonly kind: "join";
    readonly pool: number;
    readonly port: MessagePort;
    readonly id: number;
  }
  | { readonly kind: "ping" }
  | { readonly kind: "stop" };

/** From the worker. The first is one of `ready`, `absent` and `failed`. */
export type FromWorker =
  | { readonly kind: "ready"; readonly device: Device; readonly marks: SharedArrayBuffer }
  | { readonly kind: "absent" }
  | { readonly kind: "failed"; readonly phase: PoolStartPhase; readonly reason: string }
  | { readonly kind: "joined"; readonly pool: number }
  | { readonly kind: "pong" }
  /** Its first actor of a type: its hooks and methods have the numbers from `first` on in the marks. */
  | {
    readonly kind: "typed";
    readonly type: string;
    readonly first: number;
    readonly names: readonly string[];
  }
  | { readonly kind: "stopped" };

/** Whether a message of a worker that has started is one of ours: its actors can post there too, whatever they like. */
export function isFromWorker(data: unknown): data is FromWorker {
  if (typeof data !== "object" || data === null) return false;
  const { kind, pool, type, first, names } = data as Record<string, unknown>;
  switch (kind) {
    case "joined":
      return Number.isSafeInteger(pool);
    case "typed":
      return typeof type === "string" && Number.isSafeInteger(first) && Array.isArray(names) &&
        names.every((name) => typeof name === "string");
    case "pong":
    case "stopped":
      return true;
    default:
      return false;
  }
}
