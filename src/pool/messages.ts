import type { ActorAddress, PoolAddress } from "../core/address.ts";
import type { CallChain } from "../core/call_chain.ts";
import type { Clock } from "../core/clock.ts";
import { sizeOfArgs } from "../core/message_size.ts";
import type { BatchFrame, CallFrame, CallTerms, TellFrame } from "../core/protocol.ts";
import type { BatchOutcome } from "../actor/batch.ts";
import { Message, type MessageTerms } from "../actor/message.ts";
import { dropResult } from "../actor/device_ref.ts";
import type { Codec } from "../core/codec.ts";

/** The pool that a message was sent from and runs in. */
export interface MessagePool {
  readonly address: PoolAddress;
  readonly codec: Codec;
}

/** Where the answers to a message go. */
export interface Answers {
  readonly codec: Codec;
  readonly clock: Clock;
  answer(to: PoolAddress, id: number, value: unknown): void;
  answerWithFailure(to: PoolAddress, id: number, error: Error): void;
  undelivered(
    to: ActorAddress,
    method: string,
    reason: Error,
    from: PoolAddress,
    sent: Pick<Message, "args" | "bytes">,
  ): void;
}

/** Who waits for the answer to a message. */
export interface Waiter {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A message from this very pool: it is settled directly. */
abstract class LocalMessage extends Message {
  readonly #pool: MessagePool;

  /** @param args Copied already. */
  constructor(
    pool: MessagePool,
    readonly id: number,
    method: string,
    args: unknown[],
    isBatch: boolean,
    terms: MessageTerms | undefined,
  ) {
    super(method, args, isBatch, terms, sizeOfArgs(args, isBatch));
    this.#pool = pool;
  }

  get from(): PoolAddress {
    return this.#pool.address;
  }

  reply(value: unknown): void {
    const { codec } = this.#pool;
    if (!this.isBatch) return this.succeed(codec.copy(value, "result"));
    const answer = (result: unknown) => this.succeed(codec.copy(result, "result"));
    answerBatch(value as BatchOutcome, codec, answer);
  }

  /** The method has returned; the value is the caller's. */
  protected abstract succeed(value: unknown): void;
}

/** A call from this very pool that may end before it is answered. */
export class LocalCall extends LocalMessage {
  readonly #waiter: Waiter;

  constructor(
    pool: MessagePool,
    id: number,
    method: string,
    args: unknown[],
    isBatch: boolean,
    call: Waiter & MessageTerms,
  ) {
    super(pool, id, method, args, isBatch, call);
    this.#waiter = call;
  }

  protected tellFailure(error: Error): void {
    this.#waiter.reject(error);
  }

  protected succeed(value: unknown): void {
    this.#waiter.resolve(value);
  }
}

/**
 * A call from this very pool that says nothing beside what to run. If its actor is free it runs at
 * once, and is then answered before anybody waits.
 */
export class PlainCall extends LocalMessage {
  #answer: Promise<unknown> | undefined;
  #waiter: Waiter | undefined;

  /** {@linkcode Message.isPrompt} */
  override get isPrompt(): boolean {
    return true;
  }

  /** What comes of it. Asked for once. */
  get answer(): Promise<unknown> {
    return this.#answer ?? new Promise((resolve, reject) => this.#waiter = { resolve, reject });
  }

  protected tellFailure(error: Error): void {
    if (this.#waiter === undefined) this.#answer = Promise.reject(error);
    else this.#waiter.reject(error);
  }

  protected succeed(value: unknown): void {
    if (this.#waiter === undefined) this.#answer = Promise.resolve(value);
    else this.#waiter.resolve(value);
  }
}

/** A tell from this very pool. */
export class LocalTell extends LocalMessage {
  readonly #onLost: (tell: LocalTell, error: Error) => void;

  constructor(
    pool: MessagePool,
    id: number,
    readonly to: ActorAddress,
    method: string,
    args: unknown[],
    isBatch: boolean,
    onLost: (tell: LocalTell, error: Error) => void,
  ) {
    super(pool, id, method, args, isBatch, undefined);
    this.#onLost = onLost;
  }

  /** {@linkcode Message.isAwaited} */
  override get isAwaited(): boolean {
    return false;
  }

  override reply(value: unknown): void {
    if (this.isBatch) failLost(this, value as BatchOutcome);
    dropResult(value, "made");
  }

  protected tellFailure(error: Error): void {
    this.#onLost(this, error);
  }

  protected succeed(): void {}
}

/** A message from another pool: it is settled by a frame. */
export class RemoteMessage extends Message {
  readonly #pool: Answers;
  readonly #frame: CallFrame | TellFrame | BatchFrame;

  /** @param bytes The size of the frame as it came. */
  constructor(pool: Answers, frame: CallFrame | TellFrame | BatchFrame, bytes: number) {
    const isBatch = frame.kind === "batch";
    const args = (isBatch ? frame.items : frame.args) as unknown[];
    super(
      frame.method,
      args,
      isBatch,
      frame.terms === undefined ? undefined : termsOf(frame.terms, pool.clock),
      bytes,
    );
    this.#pool = pool;
    this.#frame = frame;
  }

  get from(): PoolAddress {
    return this.#frame.from;
  }

  get id(): number {
    return this.#frame.id;
  }

  reply(value: unknown): void {
    const { from, id } = this.#frame;
    if (this.isBatch) {
      const outcome = value as BatchOutcome;
      const answer = (result: unknown) => this.#pool.answer(from, id, result);
      if (this.isAwaited) return answerBatch(outcome, this.#pool.codec, answer);
      failLost(this, outcome);
    } else if (this.isAwaited) return this.#pool.answer(from, id, value);
    dropResult(value, "made");
  }

  protected tellFailure(error: Error): void {
    const { from, id, uid, method, to } = this.#frame;
    if (this.isAwaited) this.#pool.answerWithFailure(from, id, error);
    else this.#pool.undelivered({ ...to, uid, generation: 0 }, method, error, from, this);
  }

  /** Whether somebody waits for the answer. A batch that wants none has no number. */
  override get isAwaited(): boolean {
    const { kind, id } = this.#frame;
    return kind === "call" || (kind === "batch" && id !== 0);
  }
}

/** Answers a batch: results that cannot travel fail alone. */
function answerBatch(outcome: BatchOutcome, codec: Codec, answer: (value: unknown) => void): void {
  try {
    answer(outcome);
  } catch {
    answer(withoutUnsendable(outcome, codec));
  }
}

/** Nobody waits for the batch: those of its calls that failed are dead letters. */
function failLost(message: Message, { failures }: BatchOutcome): void {
  for (const [, error] of failures) message.fail(error as Error);
}

function withoutUnsendable({ values, failures }: BatchOutcome, codec: Codec): BatchOutcome {
  const lost: (readonly [number, unknown])[] = [];
  const copies = values.map((value, i) => {
    try {
      return codec.copy(value, "result");
    } catch (error) {
      lost.push([i, error]);
      return null;
    }
  });
  return { values: copies, failures: [...failures, ...lost] };
}

/** Time is left for it from when it arrives: the clocks of two hosts differ. */
function termsOf({ budgetMs, priority, chain }: CallTerms, clock: Clock): MessageTerms {
  const expiresAt = budgetMs === null ? Infinity : clock.now() + budgetMs;
  return { expiresAt, clock, priority, chain: chain as CallChain | null };
}
