import { inspect } from "node:util";
import { MAX_TIMER_MS } from "../core/clock.ts";
import type { PoolAddress } from "../core/address.ts";

/** A message that a probe has received. */
export interface ReceivedMessage<M extends string, P extends unknown[], R> {
  /** The method that it calls. */
  readonly method: M;
  /** Its arguments; they belong to the test. */
  readonly args: P;
  /** The pool that sent it. */
  readonly sender: PoolAddress;
  /**
   * Answers the call. Of a tell, nobody hears it.
   *
   * @throws {TypeError} if it has been answered.
   */
  reply(value: R): void;
  /**
   * Answers the call with an error. Of a tell, it becomes a dead letter.
   *
   * @throws {TypeError} if it has been answered.
   */
  fail(error: Error): void;
}

/** A message whose types are not known here. */
export type AnyMessage = ReceivedMessage<string, unknown[], unknown>;

/** What stands in for a method. */
export type Handler = (...args: unknown[]) => unknown;

/** Whoever waits for the next message. */
interface Waiter {
  readonly resolve: (message: AnyMessage) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** What a probe has received and its test has not looked at yet. */
export class Inbox implements Disposable {
  readonly #name: string;
  readonly #handlers = new Map<string, Handler>();
  readonly #waiters = new Set<Waiter>();
  readonly #messages: AnyMessage[] = [];
  #hasEnded = false;

  /** @param name Whose it is, for people. */
  constructor(name: string) {
    this.#name = name;
  }

  /** A message has come: returns its answer, or the promise of one. */
  take(method: string, args: unknown[], sender: PoolAddress): unknown {
    const handler = this.#handlers.get(method);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    let isAnswered = handler !== undefined;
    const answer = (settle: () => void) => {
      if (isAnswered) throw new TypeError(`${method} of ${this.#name} has been answered already`);
      isAnswered = true;
      settle();
    };
    this.#put({
      method,
      args,
      sender,
      reply: (value) => answer(() => resolve(value)),
      fail: (error) => answer(() => reject(error)),
    });
    return handler === undefined ? promise : handler(...args);
  }

  /** Lets a function answer calls of a method from now on. */
  handle(method: string, handler: Handler): void {
    if (typeof handler !== "function") {
      throw new TypeError(`onCall(${JSON.stringify(method)}) takes a function, got ${handler}`);
    }
    this.#handlers.set(method, handler);
  }

  /** The message that came first, or the next that comes in time. */
  next(method: string | undefined, timeoutMs: number): Promise<AnyMessage> {
    if (!(timeoutMs > 0 && timeoutMs <= MAX_TIMER_MS)) {
      throw new RangeError(`timeoutMs is a number of milliseconds above 0, got ${timeoutMs}`);
    }
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    if (this.#hasEnded) return Promise.reject(this.#ended());
    return new Promise((resolve, reject) => {
      const what = method === undefined ? "no message" : `no ${method}`;
      const late = () => {
        this.#waiters.delete(waiter);
        reject(
          new DOMException(`${this.#name} got ${what} in ${timeoutMs} ms`, "TimeoutError"),
        );
      };
      const waiter = { resolve, reject, timer: setTimeout(late, timeoutMs) };
      this.#waiters.add(waiter);
    });
  }

  /** Those that nobody has asked for, for people; empty if there are none. */
  describe(): string {
    return this.#messages.map(formatMessage).join(", ");
  }

  /** Nothing comes any more. */
  [Symbol.dispose](): void {
    this.#hasEnded = true;
    for (const { reject, timer } of this.#waiters) {
      clearTimeout(timer);
      reject(this.#ended());
    }
    this.#waiters.clear();
  }

  #ended(): TypeError {
    return new TypeError(`${this.#name} has ended`);
  }

  #put(message: AnyMessage): void {
    const [waiter] = this.#waiters;
    if (waiter === undefined) return void this.#messages.push(message);
    this.#waiters.delete(waiter);
    clearTimeout(waiter.timer);
    waiter.resolve(message);
  }
}

/** A message as it would be written in code. */
export function formatMessage({ method, args }: AnyMessage): string {
  return `${method}(${args.map((arg) => inspect(arg)).join(", ")})`;
}
