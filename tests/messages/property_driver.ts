/** Sends messages of every kind to one actor, interleaved at random, and checks what becomes of each. */
import assert from "node:assert/strict";
import {
  type ActorNotFoundError,
  type ActorRef,
  type ActorStoppedError,
  CallTimeoutError,
  HostLostError,
} from "@dramatis/dramatis";
import { random } from "../core/random.ts";
import type { Ledger, Target } from "../fixtures/property_actors.ts";

/** Whom it drives, and how that ends and begins again. */
export interface Stage {
  readonly target: ActorRef<Target>;
  readonly ledger: ActorRef<Ledger>;
  destroy(): Promise<void>;
  create(): Promise<void>;
}

/** What a round is to do. */
export interface RoundOrder {
  readonly seed: number;
  readonly steps: number;
  /** Whether the link may be cut meanwhile. */
  readonly mayLose: boolean;
}

/** What a round has come to. */
export interface RoundReport {
  /** Tells, and batches that were told, that have not run: there is a dead letter for each. */
  readonly lostNotes: number;
  readonly lostBatches: number;
  /** Streams that nobody began to read, perhaps because the call failed that brought or gave them. */
  readonly abandoned: number;
  /** How often what has happened. */
  readonly outcomes: Readonly<Record<string, number>>;
}

/** Mostly small. */
const SMALL = [null, 1, "two", [3, { four: undefined }], new Map([[5, 6n]])];
const LARGE_BYTES = 300_000;
const HUGE_BYTES = 4_000_000;

/** Lets everything that is due have its turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Drives one target; a round ends when all that it has sent is settled. */
export class Driver {
  readonly #stage: Stage;
  /** The number of the last message. */
  #last = 0;
  /** Generators of arguments that have begun and not ended. */
  #live = 0;
  /** The number of the last message that has run. */
  #lastRan = 0;
  #round: Round | undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Lets go of every lock that is held until now. */
  async letGo(): Promise<void> {
    await this.#stage.ledger.releaseTo(this.#last);
  }

  /** Sends so many messages, and waits until all is settled. @throws if one is not as it must be. */
  async run(order: RoundOrder): Promise<void> {
    this.#round = new Round(this.#stage, order, () => ++this.#last, (by) => this.#live += by);
    await this.#round.run();
  }

  /** Compares what has run since the last time with what became of the messages. @throws if they differ. */
  async check(): Promise<RoundReport> {
    const ran = await this.#stage.ledger.take();
    for (const n of ran) {
      assert.ok(n > this.#lastRan, `${n} has run after ${this.#lastRan}`);
      this.#lastRan = n;
    }
    for (let turns = 0; this.#live > 0; turns++) {
      assert.ok(turns < 10_000, `${this.#live} generators of arguments are left`);
      await turn();
    }
    return this.#round!.check(new Set(ran));
  }
}

/** What must have become of a message. */
type Fate = "ran" | "given up" | "unsent";

class Round {
  readonly #stage: Stage;
  readonly #order: RoundOrder;
  readonly #number: () => number;
  readonly #live: (by: number) => void;
  readonly #below: (end: number) => number;
  readonly #fates = new Map<number, Fate>();
  readonly #notes: number[] = [];
  readonly #batches: number[][] = [];
  readonly #outcomes: Record<string, number> = {};
  readonly #tasks: Promise<void>[] = [];
  #abandoned = 0;
  #mayStop = false;

  constructor(
    stage: Stage,
    order: RoundOrder,
    number: () => number,
    live: (by: number) => void,
  ) {
    this.#stage = stage;
    this.#order = order;
    this.#number = number;
    this.#live = live;
    this.#below = random(order.seed);
  }

  async run(): Promise<void> {
    // Decided before anything is sent: what is sent before may be stopped too.
    const destroyAt = this.#below(4) === 0 ? this.#below(this.#order.steps) : -1;
    this.#mayStop = destroyAt >= 0;
    for (let step = 0; step < this.#order.steps; step++) {
      if (step === destroyAt) this.#tasks.push(this.#recreate());
      else this.#step();
      await this.#pause(this.#below(12) - 8);
    }
    const results = await Promise.allSettled(this.#tasks);
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  check(ran: ReadonlySet<number>): RoundReport {
    for (const [n, fate] of this.#fates) {
      if (fate === "ran") assert.ok(ran.has(n), `${n} was answered and has not run`);
      // A cancel may be lost with the link.
      else if (fate === "unsent" || !this.#order.mayLose) {
        assert.ok(!ran.has(n), `${n} was given up before its turn and has run`);
      }
    }
    const count = (list: readonly (readonly number[])[]) =>
      list.filter((numbers) => !numbers.every((n) => ran.has(n))).length;
    for (const batch of this.#batches) {
      const some = batch.some((n) => ran.has(n));
      assert.ok(!some || batch.every((n) => ran.has(n)), "half a batch has run");
    }
    return {
      lostNotes: count(this.#notes.map((n) => [n])),
      lostBatches: count(this.#batches),
      abandoned: this.#abandoned,
      outcomes: this.#outcomes,
    };
  }

  #step(): void {
    const kind = this.#below(100);
    if (kind < 30) this.#call();
    else if (kind < 52) this.#tell();
    else if (kind < 58) this.#batch();
    else if (kind < 64) this.#tellBatch();
    else if (kind < 78) this.#stream();
    else if (kind < 84) this.#argument();
    else if (kind < 88) this.#cancelledBefore();
    else if (kind < 94) this.#cancelled();
    else if (kind < 97) this.#timeout();
    else this.#holdAndCancel();
  }

  #call(): void {
    const n = this.#number();
    const { target } = this.#stage;
    switch (this.#below(4)) {
      case 0:
        return this.#expect("failed", [n], target.fail(n), undefined, RangeError);
      case 1:
        return this.#expect("late", [n], target.late(n, this.#below(10)), n);
      default: {
        const payload = this.#payload();
        const back = payload instanceof Uint8Array ? payload.length : payload;
        return this.#expect("called", [n], target.echo(n, payload), [n, back]);
      }
    }
  }

  #tell(): void {
    const n = this.#number();
    this.#notes.push(n);
    this.#stage.target.note.tell(n, this.#payload());
  }

  #batch(): void {
    const numbers = Array.from({ length: this.#below(20) }, () => this.#number());
    const batch = this.#stage.target.item.batch(numbers.map((n) => [n]));
    this.#expect("batched", numbers, batch, numbers.map((n) => -n));
  }

  #tellBatch(): void {
    const numbers = Array.from({ length: 1 + this.#below(20) }, () => this.#number());
    this.#batches.push(numbers);
    this.#stage.target.item.batch.tell(numbers.map((n) => [n]));
  }

  #stream(): void {
    const n = this.#number();
    const count = this.#below(3) === 0 ? this.#below(300) : this.#below(5);
    const controller = new AbortController();
    const options = this.#below(2) === 0 ? { window: 1 + this.#below(100) } : {};
    const { signal } = controller;
    const stream = this.#stage.target.numbers.with({ ...options, signal })(
      n,
      count,
      this.#below(2) === 0,
    );
    const fate = this.#below(20);
    if (fate === 0) {
      this.#abandoned++;
      return this.#expect("abandoned", [n], stream.then(() => {}), undefined);
    }
    const stopAt = fate < 8 ? this.#below(count + 1) : Infinity;
    const abortAt = fate === 8 ? this.#below(count + 1) : Infinity;
    const read = async () => {
      let next = 0;
      if (stopAt === 0) return "left";
      for await (const item of stream) {
        assert.equal(item, next++, "an item of a stream");
        if (next === stopAt) return "left";
        if (next === abortAt) controller.abort(new Error("of stream"));
        if (next % 50 === 49) await this.#pause(this.#below(3));
      }
      assert.equal(next, count, "a stream has ended early");
      return "read";
    };
    if (stopAt === 0) this.#abandoned++;
    this.#expectStream(n, Promise.all([read(), stream]), abortAt < Infinity);
  }

  #expectStream(n: number, read: Promise<unknown>, mayAbort: boolean): void {
    this.#settle("streamed", [n], read, (error) => mayAbort && error.message === "of stream");
  }

  #argument(): void {
    const n = this.#number();
    const count = 1 + this.#below(100);
    const limit = this.#below(3) === 0 ? this.#below(count) : Infinity;
    const live = this.#live;
    async function* items(): AsyncGenerator<number> {
      live(1);
      try {
        for (let i = 1; i <= count; i++) {
          if (i % 7 === 0) await null;
          yield i;
        }
      } finally {
        live(-1);
      }
    }
    const last = Math.min(limit, count);
    if (last === 0) this.#abandoned++;
    const sum = this.#stage.target.sum(n, items(), limit);
    this.#expect("summed", [n], sum, last * (last + 1) / 2);
  }

  #cancelledBefore(): void {
    const n = this.#number();
    const reason = new Error("before");
    const call = this.#stage.target.late.with({ signal: AbortSignal.abort(reason) })(n, 1);
    this.#fates.set(n, "unsent");
    this.#tasks.push(assert.rejects(call, (error) => error === reason));
    this.#count("cancelled before");
  }

  #cancelled(): void {
    const n = this.#number();
    const controller = new AbortController();
    const options = { signal: controller.signal };
    const isLingering = this.#below(2) === 0;
    const call = isLingering
      ? this.#stage.target.linger.with(options)(n)
      : this.#stage.target.late.with(options)(n, 20);
    const mayCancel = (error: Error) => error.message === "cancelled";
    this.#settle("cancelled", [n], call, mayCancel, !isLingering);
    const abort = async () => {
      await this.#pause(this.#below(6));
      controller.abort(new Error("cancelled"));
      // The link that brings the cancel may be gone.
      if (this.#order.mayLose) await this.#release(n);
    };
    this.#tasks.push(abort());
  }

  #timeout(): void {
    const n = this.#number();
    const call = this.#stage.target.linger.with({ timeoutMs: 1 + this.#below(4) })(n);
    const isLate = (error: Error) => error instanceof CallTimeoutError;
    const settled = this.#settle("timed out", [n], call, isLate, false);
    if (this.#order.mayLose) this.#tasks.push(settled.then(() => this.#release(n)));
  }

  /** Calls that wait behind one that holds the lock are given up, and only then the lock. */
  #holdAndCancel(): void {
    const held = this.#number();
    this.#expect("held", [held], this.#stage.target.hold(held), held);
    const controller = new AbortController();
    const { signal } = controller;
    const waiting: Promise<unknown>[] = [];
    for (let i = this.#below(4); i >= 0; i--) {
      const n = this.#number();
      const isTimed = this.#below(2) === 0;
      const call = isTimed
        ? this.#stage.target.late.with({ timeoutMs: 1 + this.#below(3) })(n, 0)
        : this.#stage.target.late.with({ signal })(n, 0);
      this.#fates.set(n, "given up");
      const isGivenUp = (error: Error) =>
        isTimed ? error instanceof CallTimeoutError : error.message === "waiting";
      waiting.push(this.#settle("given up", [], call, isGivenUp, false));
    }
    const letGo = async () => {
      await this.#pause(this.#below(4));
      controller.abort(new Error("waiting"));
      await Promise.all(waiting);
      // The cancels have come when this has; unless the actor or the link has gone.
      await this.#stage.target.sync().catch(() => {});
      await this.#release(held);
    };
    this.#tasks.push(letGo());
  }

  async #recreate(): Promise<void> {
    this.#count("recreated");
    try {
      await this.#stage.destroy();
      await this.#pause(this.#below(4));
      await this.#stage.create();
    } catch (error) {
      if (!this.#order.mayLose || !(error instanceof HostLostError)) throw error;
    }
  }

  /** Without the link this is left to who restores it. */
  async #release(n: number): Promise<void> {
    try {
      await this.#stage.ledger.release(n);
    } catch (error) {
      if (!this.#order.mayLose || !(error instanceof HostLostError)) throw error;
    }
  }

  #payload(): unknown {
    const kind = this.#below(400);
    if (kind === 0) return new Uint8Array(HUGE_BYTES);
    if (kind < 8) return new Uint8Array(LARGE_BYTES);
    return SMALL[kind % SMALL.length];
  }

  /** A call that is answered by this, or fails by an error of that class. */
  #expect(
    name: string,
    numbers: readonly number[],
    call: Promise<unknown>,
    value: unknown,
    failure?: typeof Error,
  ): void {
    const answer = call.then((result) => {
      if (failure !== undefined) assert.fail(`${name} did not fail`);
      if (value !== undefined) assert.deepEqual(result, value);
    }, (error) => {
      if (failure === undefined || !(error instanceof failure)) throw error;
    });
    void this.#settle(name, numbers, answer, () => false);
  }

  /** Notes how a call ends: answered, which means that it has run; or by an error that may be. */
  #settle(
    name: string,
    numbers: readonly number[],
    call: Promise<unknown>,
    mayFail: (error: Error) => boolean,
    mayAnswer = true,
  ): Promise<void> {
    const settled = call.then(() => {
      // A lingering call that is let go before it is given up is answered too.
      if (!mayAnswer && !this.#order.mayLose) assert.fail(`${name} was answered`);
      this.#count(name);
      for (const n of numbers) this.#fates.set(n, "ran");
    }, (error: Error) => {
      if (mayFail(error)) return this.#count(`${name}: ${error.name}`);
      if (this.#isAllowed(error)) {
        if (name === "summed" || name === "streamed") this.#abandoned++;
        return this.#count(error.name);
      }
      throw new Error(`${name} ${numbers} failed`, { cause: error });
    });
    this.#tasks.push(settled);
    return settled;
  }

  #isAllowed({ name }: Error): boolean {
    if (name === "HostLostError") return this.#order.mayLose;
    const stopped: [ActorStoppedError["name"], ActorNotFoundError["name"]] = [
      "ActorStoppedError",
      "ActorNotFoundError",
    ];
    return this.#mayStop && (stopped as string[]).includes(name);
  }

  #count(name: string): void {
    this.#outcomes[name] = (this.#outcomes[name] ?? 0) + 1;
  }

  /** 0 and less is none, 1 to 3 microtasks, more is turns of the event loop. */
  async #pause(length: number): Promise<void> {
    if (length <= 0) return;
    if (length > 3) return await turn();
    for (let i = 0; i < length; i++) await null;
  }
}
