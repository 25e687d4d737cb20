import { ActorNotFoundError } from "../core/errors.ts";
import { share } from "../core/transfer.ts";
import type { Actor } from "../actor/actor.ts";
import { type ActorRef, addressOf, type MethodNames } from "../actor/ref.ts";
import type { Host } from "../host/host.ts";
import { mainPool } from "../schedule/policy.ts";
import {
  type AnyMessage,
  formatMessage,
  type Handler,
  Inbox,
  type ReceivedMessage,
} from "./inbox.ts";
import { PROBE, ROUND_TRIP } from "./probe_actor.ts";
import { settled } from "./settled.ts";

/** What a probe stands in for: an actor class, or any interface or class with its methods. */
export type Probed<T extends object> = T extends Actor ? T : T & Actor;

/** The names of the methods that messages to a probe may call. */
export type ProbedNames<T extends object> = MethodNames<Probed<T>>;

/** One of those methods, as a function. */
export type ProbedMethod<T extends object, M extends ProbedNames<T>> = Extract<
  Probed<T>[M],
  (...args: never[]) => unknown
>;

/** A message that a probe has received; to look at its `method` says which arguments it has. */
export type ProbeMessage<T extends object, M extends ProbedNames<T> = ProbedNames<T>> = {
  [K in M]: ReceivedMessage<
    K,
    Parameters<ProbedMethod<T, K>>,
    Awaited<ReturnType<ProbedMethod<T, K>>>
  >;
}[M];

/** How a probe is made. */
export interface ProbeOptions {
  /**
   * The uid under which others find it.
   * @default crypto.randomUUID()
   */
  uid?: string;
}

/** How the next message is waited for. */
export interface NextOptions {
  /**
   * Milliseconds, of the real time, in which the message must have come.
   * @default 5000
   */
  timeoutMs?: number;
}

/**
 * An actor of the test's own: it takes messages of whatever method and hands them to the test. A call
 * is answered when the test does so: message by message, or by {@linkcode Probe.onCall}.
 *
 * Made by {@linkcode TestHost.probe}.
 */
export interface Probe<T extends object> extends AsyncDisposable {
  /** To be handed to the actors under test. */
  readonly ref: ActorRef<Probed<T>>;
  /**
   * The next message that the test has not seen yet; waits until it comes.
   *
   * @param method The method that it must be of. If it is of another, it is passed over all the same.
   * @throws {DOMException} a `TimeoutError` if none comes in time; it names the method.
   * @throws {TypeError} if it is of another method, or the probe ends meanwhile.
   * @throws {RangeError} for a bad time.
   */
  next<M extends ProbedNames<T> = ProbedNames<T>>(
    method?: M,
    options?: NextOptions,
  ): Promise<ProbeMessage<T, M>>;
  /**
   * Checks that there is no message that the test has not seen. It does not sleep: all that this isolate
   * has under way is done first, and a message of its own makes the round trip, which is received after
   * all that were sent before.
   *
   * @throws {TypeError} if there is one, showing it.
   */
  expectNone(): Promise<void>;
  /**
   * Answers calls of a method from now on by a function: its result, or what it throws. The messages
   * can be looked at all the same.
   *
   * @throws {TypeError} if that is no function.
   */
  onCall<M extends ProbedNames<T>>(
    method: M,
    handler: (
      ...args: Parameters<ProbedMethod<T, M>>
    ) => ReturnType<ProbedMethod<T, M>> | Awaited<ReturnType<ProbedMethod<T, M>>>,
  ): void;
  /** Ends the actor; calls that are not answered reject with `ActorStoppedError`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Milliseconds to wait for a message: more than any takes, less than people do. */
const NEXT_MS = 5_000;

/** Makes a probe in the main pool of a host. */
export async function startProbe<T extends object>(
  host: Host,
  options: ProbeOptions = {},
): Promise<Probe<T>> {
  const { uid = crypto.randomUUID() } = options;
  const inbox = new Inbox(`Probe ${uid}`);
  const ref = await host.createActor(PROBE, [share(inbox)], { uid, place: mainPool() });
  return new HostProbe<T>(host, inbox, ref as unknown as ActorRef<Probed<T>>);
}

class HostProbe<T extends object> implements Probe<T> {
  readonly ref: ActorRef<Probed<T>>;
  readonly #host: Host;
  readonly #inbox: Inbox;

  constructor(host: Host, inbox: Inbox, ref: ActorRef<Probed<T>>) {
    this.ref = ref;
    this.#host = host;
    this.#inbox = inbox;
  }

  async next<M extends ProbedNames<T> = ProbedNames<T>>(
    method?: M,
    { timeoutMs = NEXT_MS }: NextOptions = {},
  ): Promise<ProbeMessage<T, M>> {
    const message: AnyMessage = await this.#inbox.next(method, timeoutMs);
    if (method !== undefined && message.method !== method) {
      throw new TypeError(`Expected ${method}, got ${formatMessage(message)}`);
    }
    return message as ProbeMessage<T, M>;
  }

  async expectNone(): Promise<void> {
    await settled();
    await (this.ref as unknown as Record<string, () => Promise<void>>)[ROUND_TRIP]!();
    const unseen = this.#inbox.describe();
    if (unseen !== "") throw new TypeError(`Expected no message, got ${unseen}`);
  }

  onCall(method: string, handler: (...args: never[]) => unknown): void {
    this.#inbox.handle(method, handler as Handler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#inbox[Symbol.dispose]();
    try {
      await this.#host.killActor(addressOf(this.ref as ActorRef<Actor>).uid);
    } catch (error) {
      if (!(error instanceof ActorNotFoundError)) throw error;
    }
  }
}
