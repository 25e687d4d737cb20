import type { ActorAddress } from "../core/address.ts";
import { ProtocolError } from "../core/host_errors.ts";
import type { BatchOutcome } from "./batch.ts";
import type { CallOptions } from "./message.ts";
import { StreamHabit, type StreamResult } from "./remote_stream.ts";

/** What a caller sees of a method's result: promises are awaited, generators are streams. */
export type MethodResult<R> = [Awaited<R>] extends [never] ? Promise<never>
  : Awaited<R> extends Generator<infer T> | AsyncIterable<infer T> ? StreamResult<T>
  : Promise<Received<Awaited<R>>>;

/** What arrives of a result; of a method that streams at times only, a stream at times. */
export type Received<R> = R extends Generator<infer T> | AsyncIterable<infer T> ? AsyncIterable<T>
  : R;

/** Something that will happen, unless it is cancelled. */
export interface Timer extends Disposable {
  /** Nothing happens any more. */
  cancel(): void;
}

/** Many calls of one method in one message. */
export interface BatchMethod<P extends unknown[], R> {
  /**
   * Sends a list of argument lists: one message, one hold of the lock, the results in order. All are
   * run; if some fail, the first of their errors is thrown.
   */
  (items: readonly P[], options?: CallOptions): Promise<Awaited<R>[]>;
  /** The same without an answer; each call that fails is a dead letter. */
  tell(items: readonly P[]): void;
}

/** One method of an actor, wherever it lives. Overloads show their last signature only. */
export type RefMethod<F> = F extends (...args: infer P) => infer R ? {
    /** Calls the method and waits for its result. */
    (...args: P): MethodResult<R>;
    /** Sends the message and wants no answer; what fails goes to the dead-letter hook. */
    tell(...args: P): void;
    /** The same call with options. */
    with(options: CallOptions): (...args: P) => MethodResult<R>;
    /** Many calls in one message. */
    readonly batch: BatchMethod<P, R>;
    /** Many calls in one message; says for each what became of it. */
    batchSettled(
      items: readonly P[],
      options?: CallOptions,
    ): Promise<PromiseSettledResult<Awaited<R>>[]>;
    /** A tell in so many milliseconds, unless cancelled; it ends with the actor that asked for it. */
    after(ms: number, ...args: P): Timer;
    /**
     * A tell every so many milliseconds until cancelled; it ends with the actor that asked for it, or
     * when the target is gone. A turn is left out if the one before is still running.
     */
    every(ms: number, ...args: P): Timer;
  }
  : never;

/** What a ref needs from the pool it is in. */
export interface Caller {
  /** `args` of a batch are the argument lists; its answer is a `BatchOutcome`. */
  call(
    to: ActorAddress,
    method: string,
    args: unknown[],
    options?: CallOptions,
    isBatch?: boolean,
  ): Promise<unknown>;
  tell(to: ActorAddress, method: string, args: unknown[], isBatch?: boolean): void;
  /** A tell later, once or again and again. */
  later(to: ActorAddress, method: string, args: unknown[], ms: number, again: boolean): Timer;
  /** Who calls an actor that has replicas, in the place of this one: it chooses one for each message. */
  balanced(to: ActorAddress): Caller;
  /** Gives a count of a DeviceRef back at the end of this turn. */
  free(owner: ActorAddress, id: number): void;
  /** Of one that chooses: the actor, with the replicas that it chooses among. */
  readonly target?: ActorAddress;
}

/** A method as the one Proxy makes it. */
export type AnyMethod = RefMethod<(...args: unknown[]) => unknown>;

/** Makes the callable that stands for a method. */
export function refMethod(address: ActorAddress, name: string, caller: Caller): AnyMethod {
  const habit = new StreamHabit();
  const batch = async (items: readonly unknown[][], options?: CallOptions) => {
    const { values, failures } = await callBatch(items, options);
    if (failures.length === 0) return values;
    throw failures.reduce((first, other) => other[0] < first[0] ? other : first)[1];
  };
  const callBatch = async (items: readonly unknown[][], options?: CallOptions) =>
    outcomeOf(await caller.call(address, name, listsOf(items), options, true), items.length);
  return Object.assign(
    (...args: unknown[]) => habit.apply(caller.call(address, name, args)),
    {
      tell: (...args: unknown[]) => caller.tell(address, name, args),
      with: (options: CallOptions) => (...args: unknown[]) =>
        habit.apply(caller.call(address, name, args, options), options),
      batch: Object.assign(batch, {
        tell: (items: readonly unknown[][]) => caller.tell(address, name, listsOf(items), true),
      }),
      batchSettled: async (items: readonly unknown[][], options?: CallOptions) =>
        settled(await callBatch(items, options)),
      after: (ms: number, ...args: unknown[]) => caller.later(address, name, args, ms, false),
      every: (ms: number, ...args: unknown[]) => caller.later(address, name, args, ms, true),
    },
  );
}

/** The argument lists of a batch; what is not typed may be anything. */
function listsOf(items: readonly unknown[]): unknown[][] {
  const lists = [...items];
  const i = lists.findIndex((item) => !Array.isArray(item));
  if (i < 0) return lists as unknown[][];
  throw new TypeError(`items[${i}] of a batch is no list of arguments but a ${typeof lists[i]}`);
}

/**
 * What became of a batch of so many.
 *
 * @throws {ProtocolError} if it is something else: another host may answer what it likes.
 */
function outcomeOf(answer: unknown, count: number): BatchOutcome {
  const { values, failures } = (answer ?? {}) as Partial<BatchOutcome>;
  const isOutcome = Array.isArray(values) && values.length === count &&
    Array.isArray(failures) && failures.length <= count &&
    failures.every((one) => Array.isArray(one) && one[0] >= 0 && one[0] < count);
  if (!isOutcome) throw new ProtocolError(`No answer to a batch of ${count}: ${typeof answer}`);
  return { values, failures };
}

function settled({ values, failures }: BatchOutcome): PromiseSettledResult<unknown>[] {
  const results: PromiseSettledResult<unknown>[] = values.map((value) => ({
    status: "fulfilled",
    value,
  }));
  for (const [i, reason] of failures) results[i] = { status: "rejected", reason };
  return results;
}
