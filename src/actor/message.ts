import type { PoolAddress } from "../core/address.ts";

/** A message as a cell sees it: what to run and whom to tell. Arguments belong to the cell. */
export interface Message {
  readonly method: string;
  readonly args: unknown[];
  /** The pool that sent it, and its number there: what a cancel names it by. */
  readonly from: PoolAddress;
  readonly id: number;
  /** The method has returned. At most one of `reply` and `fail` is called, once. */
  reply(value: unknown): void;
  /** The method has thrown, or the message cannot run. */
  fail(error: Error): void;
}

/** What a message's sender may say about it. */
export interface CallOptions {
  /**
   * Milliseconds after which the caller stops waiting and gets a `CallTimeoutError`.
   * @default no limit
   */
  timeoutMs?: number;
  /** Aborting it makes the call reject at once with the signal's reason, and cancels it. */
  signal?: AbortSignal;
}
