import type { PoolAddress } from "../core/address.ts";
import type { CallFrame, TellFrame } from "../core/protocol.ts";
import type { Message } from "../actor/message.ts";
import type { LocalPool } from "./local.ts";

/** A message from this very pool: it is settled directly. */
export class LocalMessage implements Message {
  constructor(
    readonly pool: LocalPool,
    readonly id: number,
    readonly method: string,
    readonly args: unknown[],
    readonly resolve: (value: unknown) => void,
    readonly reject: (error: unknown) => void,
  ) {}

  get from(): PoolAddress {
    return this.pool.address;
  }

  reply(value: unknown): void {
    this.resolve(this.pool.codec.copy(value, "result"));
  }

  fail(error: Error): void {
    this.reject(error);
  }
}

/** A message from another pool: it is settled by a frame. */
export class RemoteMessage implements Message {
  readonly #pool: LocalPool;
  readonly #frame: CallFrame | TellFrame;

  constructor(pool: LocalPool, frame: CallFrame | TellFrame) {
    this.#pool = pool;
    this.#frame = frame;
  }

  get method(): string {
    return this.#frame.method;
  }

  get args(): unknown[] {
    return this.#frame.args as unknown[];
  }

  get from(): PoolAddress {
    return this.#frame.from;
  }

  get id(): number {
    return this.#frame.id;
  }

  reply(value: unknown): void {
    const { kind, from, id } = this.#frame;
    if (kind === "call") this.#pool.answer(from, id, value);
  }

  fail(error: Error): void {
    const { kind, from, id, uid, method, to } = this.#frame;
    if (kind === "call") this.#pool.answerWithFailure(from, id, error);
    else this.#pool.undelivered({ ...to, uid, generation: 0 }, method, error, from);
  }
}
