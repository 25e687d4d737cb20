/**
 * What a host and its worker say about the worker itself, on the worker's own channel: what carries
 * MessagePorts, and what must not wait behind frames. All else is frames on the ports.
 */
import type { PoolAddress } from "../core/address.ts";
import type { Device } from "../core/device.ts";
import type { PoolStartPhase } from "../core/errors.ts";

/** From the host. The first is `start`, exactly once. */
export type ToWorker =
  | {
    readonly kind: "start";
    readonly address: PoolAddress;
    readonly port: MessagePort;
    readonly callTimeoutMs: number;
  }
  | { readonly kind: "join"; readonly pool: number; readonly port: MessagePort }
  | { readonly kind: "stop" };

/** From the worker. The first is one of `ready`, `absent` and `failed`. */
export type FromWorker =
  | { readonly kind: "ready"; readonly device: Device }
  | { readonly kind: "absent" }
  | { readonly kind: "failed"; readonly phase: PoolStartPhase; readonly reason: string }
  | { readonly kind: "joined"; readonly pool: number }
  | { readonly kind: "stopped" };
