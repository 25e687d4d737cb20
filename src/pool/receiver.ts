import { formatPool, samePool } from "../core/address.ts";
import { sizeOfFrame } from "../core/message_size.ts";
import type { CancelFrame, RawFrame } from "../core/protocol.ts";
import type { Message } from "../actor/message.ts";
import { dropStreams } from "../actor/remote_stream.ts";
import type { Registry } from "../actor/registry.ts";
import type { MessageFrame } from "./exchange.ts";
import type { LocalPool } from "./local.ts";
import { RemoteMessage } from "./messages.ts";

/** What the frames that come for a pool mean to it. */
export class Receiver {
  readonly #pool: LocalPool;
  readonly #cells: Registry;

  constructor(pool: LocalPool, cells: Registry) {
    this.#pool = pool;
    this.#cells = cells;
  }

  /** Takes a frame; whoever sent one that is wrong is told so. */
  receive(raw: RawFrame): void {
    try {
      this.#receive(raw);
    } catch (error) {
      const isAnswer = raw.kind === "reply" || raw.kind === "failure";
      if (isAnswer) return this.#pool.exchange.settleUnreadable(raw, error);
      this.#tell(raw, () => (error as Error).message);
      this.refuse(raw, error as Error);
    }
  }

  /** Tells of what cannot be taken, if another host or a client has sent it: it may be on purpose. */
  #tell({ from }: RawFrame, message: () => string): void {
    if (from.host === this.#pool.address.host) return;
    this.#pool.onRefused({ host: from.host, message: message() });
  }

  /** Tells the sender of a frame that it failed, if the sender waits. */
  refuse(raw: RawFrame, error: Error): void {
    const { kind, from, id } = raw;
    const { exchange, streams } = this.#pool;
    if (kind === "create" || kind === "destroy") exchange.answerWithFailure(from, id, error);
    else if (kind === "call" || kind === "tell" || kind === "batch") {
      const { uid, method, args } = this.#partsOf(raw);
      dropStreams(args);
      const isAwaited = kind === "call" || (kind === "batch" && id > 0);
      if (isAwaited) return exchange.answerWithFailure(from, id, error);
      const sent = { args, bytes: sizeOfFrame(raw.body, raw.segments) };
      exchange.undelivered({ ...raw.to, uid, generation: 0 }, method, error, from, sent);
    } else if (kind === "items" || kind === "end" || kind === "credit") {
      streams.refuse(raw, error);
    }
  }

  /** What a message says; nothing if it cannot be read, which must not end the link that brought it. */
  #partsOf(raw: RawFrame): { uid: string; method: string; args: unknown[] } {
    try {
      const frame = this.#pool.codec.decode(raw) as MessageFrame;
      const args = frame.kind === "batch" ? frame.items : frame.args;
      return { uid: frame.uid, method: frame.method, args: args as unknown[] };
    } catch {
      return { uid: "", method: "", args: [] };
    }
  }

  #receive(raw: RawFrame): void {
    const pool = this.#pool;
    const frame = pool.codec.decode(raw);
    switch (frame.kind) {
      case "reply":
      case "failure":
        return pool.exchange.settle(frame);
      case "call":
      case "tell":
      case "batch":
        return this.#deliver(raw, frame);
      case "cancel":
        return this.#cancel(raw, frame);
      case "credit":
      case "drop":
      case "items":
      case "end":
        return pool.streams.receive(frame);
      case "create":
        return this.#answerLater(raw, pool.residents.create(frame));
      case "destroy":
        return this.#answerLater(raw, pool.residents.destroy(frame.uid, frame.kill));
      default:
        throw new TypeError(`${formatPool(pool.address)} takes no ${frame.kind} frames`);
    }
  }

  #deliver(raw: RawFrame, frame: MessageFrame): void {
    const { exchange, redirects } = this.#pool;
    const cell = this.#cells.reach(frame.uid);
    if (cell === undefined) {
      return redirects.pass(raw, frame, (error) => this.refuse(raw, error));
    }
    const type = "type" in cell ? cell.type : cell.actor?.type;
    if (type?.methods.has(frame.method) === false) {
      this.#tell(raw, () => `A call of what is no method: ${JSON.stringify(frame.method)}`);
    }
    const bytes = sizeOfFrame(raw.body, raw.segments);
    cell.deliver(new RemoteMessage(exchange, frame, bytes));
  }

  #cancel(raw: RawFrame, frame: CancelFrame): void {
    const { id, from, reason } = frame;
    const matches = (message: Message) => message.id === id && samePool(message.from, from);
    const cell = this.#cells.get(frame.uid);
    const parked = this.#cells.parked(frame.uid);
    cell?.cancel(matches, reason);
    parked?.cancel(matches, reason);
    if (cell === undefined && parked === undefined) this.#pool.redirects.passCancel(raw, frame);
  }

  #answerLater({ from, id }: RawFrame, result: Promise<void>): void {
    const { exchange } = this.#pool;
    result.then(
      () => exchange.answer(from, id, undefined),
      (error) => exchange.answerWithFailure(from, id, error),
    );
  }
}
