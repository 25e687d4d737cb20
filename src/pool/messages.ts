import type { ActorAddress, PoolAddress } from "../core/address.ts";
import type { CallChain } from "../core/call_chain.ts";
import { sizeOfArgs } from "../core/message_size.ts";
import type { BatchFrame, CallFrame, CallTerms, TellFrame } from "../core/protocol.ts";
import type { BatchOutcome } from "../actor/batch.ts";
import { Message, type MessageTerms } from "../actor/message.ts";
import { dropStream } from "../actor/remote_stream.ts";
import type { Codec } from "../core/codec.ts";

/** The pool that a message was sent from and runs in. */
export interface MessagePool {
  readonly address: PoolAddress;
  readonly codec: Codec;
}

/** Where the answers to a message go. */
export interface Answers {
  readonly codec: Codec;
  answer(to: PoolAddress, id: number, value: unknown): void;
  answerWithFailure(to: PoolAddress, id: number, error: Error): void;
  undelivered(to: ActorAddress, method: string, reason: Error, from: PoolAddress): void;
}

/** Who waits for the answer to a message. */
export interface Waiter {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A message from this very pool: it is settled directly. */
export class LocalMessage extends Message {
  readonly #pool: MessagePool;
  readonly #resolve: Waiter["resolve"] | null;
  readonly #reject: Waiter["reject"];

  /**
   * @param args Copied already.
   * @param resolve `null` if nobody waits.
   */
  constructor(
    pool: MessagePool,
    readonly id: number,
    method: string,
    args: unknown[],
    isBatch: boolean,
    terms: MessageTerms | undefined,
    resolve: Waiter["resolve"] | null,
    reject: Waiter["reject"],
  ) {
    super(method, args, isBatch, terms, sizeOfArgs(args, isBatch));
    this.#pool = pool;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get from(): PoolAddress {
    return this.#pool.address;
  }

  reply(value: unknown): void {
    const { codec } = this.#pool;
    const resolve = this.#resolve;
    if (this.isBatch) {
      replyBatch(
        this,
        value,
        codec,
        resolve && ((result) => resolve(codec.copy(result, "result"))),
      );
    } else if (resolve === null) dropStream(value);
    else resolve(codec.copy(value, "result"));
  }

  fail(error: Error): void {
    this.#reject(error);
  }
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
      frame.terms === undefined ? undefined : termsOf(frame.terms),
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
    const isAwaited = this.#isAwaited;
    if (this.isBatch) {
      const answer = (value: unknown) => this.#pool.answer(from, id, value);
      replyBatch(this, value, this.#pool.codec, isAwaited ? answer : null);
    } else if (isAwaited) this.#pool.answer(from, id, value);
    else dropStream(value);
  }

  fail(error: Error): void {
    const { from, id, uid, method, to } = this.#frame;
    if (this.#isAwaited) this.#pool.answerWithFailure(from, id, error);
    else this.#pool.undelivered({ ...to, uid, generation: 0 }, method, error, from);
  }

  /** A batch that wants no answer has no number. */
  get #isAwaited(): boolean {
    const { kind, id } = this.#frame;
    return kind === "call" || (kind === "batch" && id !== 0);
  }
}

/** Answers a batch: results that cannot travel fail alone. If nobody waits, those that failed are dead letters. */
function replyBatch(
  message: Message,
  value: unknown,
  codec: Codec,
  answer: ((value: unknown) => void) | null,
): void {
  const outcome = value as BatchOutcome;
  if (answer === null) {
    for (const [, error] of outcome.failures) message.fail(error as Error);
    return;
  }
  try {
    answer(outcome);
  } catch {
    answer(withoutUnsendable(outcome, codec));
  }
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
function termsOf({ budgetMs, priority, chain }: CallTerms): MessageTerms {
  const expiresAt = budgetMs === null ? Infinity : performance.now() + budgetMs;
  return { expiresAt, priority, chain: chain as CallChain | null };
}
