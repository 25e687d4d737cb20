import assert from "node:assert/strict";
import { NotSerializableError } from "../../src/core/message_errors.ts";
import {
  type StreamIterator,
  type StreamOrigin,
  type StreamSink,
  StreamSource,
} from "../../src/pool/stream_source.ts";

const HERE = { host: 1, pool: 0 };

/** A consumer that writes down what it is sent. */
class Sink implements StreamSink {
  readonly consumer = HERE;
  readonly frames: unknown[][] = [];
  readonly ended: Promise<[boolean, unknown]>;
  readonly #end = Promise.withResolvers<[boolean, unknown]>();
  #came = Promise.withResolvers<void>();
  ends = 0;
  constructor() {
    this.ended = this.#end.promise;
  }
  get list(): unknown[] {
    return this.frames.flat();
  }
  items(values: unknown[]): void {
    if (values.includes("bad")) throw new NotSerializableError("Cannot send it", "items[0]");
    this.frames.push(values);
    this.#came.resolve();
  }
  end(failed: boolean, error: unknown): void {
    this.ends++;
    this.#end.resolve([failed, error]);
  }
  async until(count: number): Promise<void> {
    while (this.list.length < count) {
      await this.#came.promise;
      this.#came = Promise.withResolvers();
    }
  }
}

/** An actor without a lock. */
class Origin implements StreamOrigin {
  readonly reasons: unknown[] = [];
  readonly left: Promise<void>;
  readonly #left = Promise.withResolvers<void>();
  ends = 0;
  /** Holds steps back while there is one. */
  gate: Promise<void> | undefined;
  constructor() {
    this.left = this.#left.promise;
  }
  run(steps: () => void): void {
    steps();
  }
  step(next: () => unknown): unknown {
    return this.gate === undefined ? next() : this.gate.then(next);
  }
  abort(reason: unknown): void {
    this.reasons.push(reason);
  }
  async leave(finish: () => unknown): Promise<void> {
    try {
      await finish();
    } finally {
      this.#left.resolve();
    }
  }
  failure(thrown: unknown): Error {
    return new Error("failed", { cause: thrown });
  }
  breath(): undefined {}
  ended(): void {
    this.ends++;
  }
}

function open(iterator: StreamIterator): { source: StreamSource; origin: Origin; sink: Sink } {
  const origin = new Origin();
  return { source: new StreamSource(1, iterator, origin), origin, sink: new Sink() };
}

/** Counts steps, and how often its finally runs. */
class Steps {
  taken = 0;
  finished = 0;
  *sync(to: number): Generator<number> {
    try {
      for (let i = 0; i < to; i++, this.taken++) yield i;
    } finally {
      this.finished++;
    }
  }
  async *async(to: number): AsyncGenerator<number> {
    yield* this.sync(to);
  }
}

Deno.test("StreamSource: nothing is produced without credit, and no more than credit", async () => {
  for (const kind of ["sync", "async"] as const) {
    const steps = new Steps();
    const { source, origin, sink } = open(steps[kind](100));
    assert.equal(source.consumer, undefined);
    source.grant(sink, 10);
    assert.equal(source.consumer, HERE);
    await sink.until(10);
    assert.deepEqual(sink.list, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal(steps.taken, 9, "it stands at its tenth yield");
    source.grantMore(200);
    assert.deepEqual(await sink.ended, [false, undefined]);
    assert.equal(sink.list.length, 100);
    assert.equal(origin.ends, 1);
    assert.deepEqual(origin.reasons, []);
    assert.equal(steps.finished, 1);
  }
});

Deno.test("StreamSource: what is produced at once goes in few frames", async () => {
  const { source, sink } = open(new Steps().sync(200));
  source.grant(sink, 1000);
  await sink.ended;
  assert.deepEqual(sink.frames.map(({ length }) => length), [64, 64, 64, 8]);
});

Deno.test("StreamSource: a step that waits does not hold back what came before", async () => {
  const gate = Promise.withResolvers<void>();
  const { source, sink } = open((async function* () {
    yield 1;
    yield 2;
    await gate.promise;
    yield 3;
  })());
  source.grant(sink, 10);
  await sink.until(2);
  assert.deepEqual(sink.list, [1, 2]);
  gate.resolve();
  await sink.ended;
  assert.deepEqual(sink.list, [1, 2, 3]);
});

Deno.test("StreamSource: drop runs the finally once, and tells nobody", async () => {
  const steps = new Steps();
  const { source, origin, sink } = open(steps.sync(100));
  source.grant(sink, 5);
  source.drop("gone");
  source.drop("gone again");
  source.cancel(new Error("too late"));
  source.grantMore(10);
  await origin.left;
  assert.equal(steps.finished, 1);
  assert.deepEqual(origin.reasons, ["gone"]);
  assert.deepEqual([origin.ends, sink.ends], [1, 0]);
});

Deno.test("StreamSource: a drop while a step waits for its turn: the step is not taken", async () => {
  const steps = new Steps();
  const { source, origin, sink } = open(steps.sync(100));
  source.grant(sink, 2);
  const gate = Promise.withResolvers<void>();
  origin.gate = gate.promise;
  source.grantMore(1);
  source.drop("gone");
  assert.equal(steps.finished, 0, "the step has its turn first");
  gate.resolve();
  await origin.left;
  assert.deepEqual([steps.taken, steps.finished], [1, 1]);
});

Deno.test("StreamSource: cancel gives out what came before, then the reason", async () => {
  const reason = new Error("stopped");
  const steps = new Steps();
  const { source, origin, sink } = open(steps.async(100));
  source.grant(sink, 5);
  await sink.until(5);
  source.cancel(reason);
  assert.deepEqual(await sink.ended, [true, reason]);
  await origin.left;
  assert.deepEqual([origin.ends, steps.finished], [1, 1]);
});

Deno.test("StreamSource: who comes after its end is told of the end", async () => {
  const reason = new Error("stopped");
  const { source, origin, sink } = open(new Steps().sync(3));
  source.cancel(reason);
  assert.equal(origin.ends, 0, "somebody may still come");
  source.grant(sink, 5);
  assert.deepEqual(await sink.ended, [true, reason]);
  assert.equal(origin.ends, 1);
  const nobody = open(new Steps().sync(3));
  nobody.source.cancel(reason);
  nobody.source.drop("unread");
  assert.equal(nobody.origin.ends, 1);
  assert.deepEqual(nobody.origin.reasons, [reason]);
});

Deno.test("StreamSource: an error ends it, after what came before", async () => {
  const { source, origin, sink } = open((function* () {
    yield 1;
    throw new RangeError("mine");
  })());
  source.grant(sink, 5);
  const [failed, error] = await sink.ended;
  assert(failed);
  assert.match(String((error as Error).cause), /mine/);
  assert.deepEqual(sink.list, [1]);
  assert.equal(origin.ends, 1);
});

Deno.test("StreamSource: an item that cannot travel: those before it do", async () => {
  for (const items of [["bad"], [1, 2, "bad"], [1, "bad", 3, 4]]) {
    let finished = 0;
    const { source, origin, sink } = open((function* () {
      try {
        yield* items;
      } finally {
        finished++;
      }
    })());
    source.grant(sink, 10);
    const [failed, error] = await sink.ended;
    assert(failed, "it does not look as if it were complete");
    assert(error instanceof NotSerializableError);
    assert.deepEqual(sink.list, items.slice(0, items.indexOf("bad")));
    assert.deepEqual([origin.ends, sink.ends, finished], [1, 1, 1]);
  }
});

Deno.test("StreamSource: an iterator that is no generator", async () => {
  const { source, sink } = open({
    next: () => ({ done: false, value: 7 }),
  });
  source.grant(sink, 2);
  await sink.until(2);
  source.drop("gone");
  const odd = open({ next: () => 5 as never });
  odd.source.grant(odd.sink, 1);
  assert.equal(odd.sink.ends, 0);
  odd.source.drop("gone");
  const broken = open({ next: () => undefined as never });
  broken.source.grant(broken.sink, 1);
  assert.equal((await broken.sink.ended)[0], true);
});

Deno.test("StreamSource: what a consumer makes room for while it is sent items comes after them", async () => {
  const { source, sink } = open([0, 1, "bad", 3, 4][Symbol.iterator]());
  const items = sink.items.bind(sink);
  sink.items = (values) => {
    items(values);
    source.grantMore(1);
  };
  source.grant(sink, 3);
  const [failed, error] = await sink.ended;
  assert.ok(failed && error instanceof NotSerializableError);
  assert.deepEqual(sink.list, [0, 1]);
});
