/**
 * What the type checker lets users of streams do. Never run: `readme.test.ts` checks it, and every
 * line under a `@ts-expect-error` must be an error.
 */
import {
  Actor,
  actor,
  type ActorRef,
  type MethodResult,
  StatelessActor,
  type StreamResult,
} from "@dramatis/dramatis";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true
  : false;

/** Compiles only for `true`. */
function isTrue<_T extends true>(): void {}

interface Reading {
  readonly value: number;
}

@actor(import.meta)
export class Meter extends Actor {
  *sync(count: number): Generator<number> {
    for (let i = 0; i < count; i++) yield i;
  }
  async *readings(): AsyncGenerator<Reading> {
    yield { value: 1 };
  }
  async later(): Promise<AsyncGenerator<string>> {
    return await Promise.resolve(words());
  }
  iterable(): AsyncIterable<Reading> {
    return this.readings();
  }
  web(): ReadableStream<Uint8Array> {
    return new ReadableStream();
  }
  atTimes(streams: boolean): AsyncGenerator<string> | number {
    return streams ? words() : 1;
  }
  list(): number[] {
    return [1];
  }
  plain(): number {
    return 1;
  }
  async plainAsync(): Promise<Reading> {
    return await Promise.resolve({ value: 1 });
  }
  nothing(): void {}
  never(): never {
    throw new Error();
  }
  async sum(items: AsyncIterable<number>): Promise<number> {
    let sum = 0;
    for await (const item of items) sum += item;
    return sum;
  }
  async total(parts: { readonly items: AsyncIterable<Reading> }[]): Promise<number> {
    let sum = 0;
    for (const { items } of parts) for await (const { value } of items) sum += value;
    return sum;
  }
}

@actor(import.meta)
export class FreeMeter extends StatelessActor {
  async *readings(): AsyncGenerator<Reading> {
    yield { value: 1 };
  }
}

async function* words(): AsyncGenerator<string> {
  yield "word";
}

declare const meter: ActorRef<Meter>;
declare const free: ActorRef<FreeMeter>;

// What a stream gives.
isTrue<Same<MethodResult<Generator<number>>, StreamResult<number>>>();
isTrue<Same<MethodResult<AsyncGenerator<Reading>>, StreamResult<Reading>>>();
isTrue<Same<MethodResult<Promise<AsyncGenerator<string>>>, StreamResult<string>>>();
isTrue<Same<MethodResult<ReadableStream<Uint8Array>>, StreamResult<Uint8Array>>>();
isTrue<Same<MethodResult<number[]>, Promise<number[]>>>();
isTrue<Same<MethodResult<never>, Promise<never>>>();
isTrue<Same<MethodResult<unknown>, Promise<unknown>>>();
isTrue<
  Same<MethodResult<AsyncGenerator<string> | number>, Promise<AsyncIterable<string> | number>>
>();

/** Reads them in every way. */
export async function read(): Promise<void> {
  for await (const item of meter.sync(3)) isTrue<Same<typeof item, number>>();
  for await (const item of await meter.sync(3)) isTrue<Same<typeof item, number>>();
  for await (const item of meter.readings()) isTrue<Same<typeof item, Reading>>();
  for await (const item of meter.readings.with({ window: 1 })()) {
    isTrue<Same<typeof item, Reading>>();
  }
  for await (const item of meter.later()) isTrue<Same<typeof item, string>>();
  for await (const item of meter.iterable()) isTrue<Same<typeof item, Reading>>();
  for await (const item of meter.web()) isTrue<Same<typeof item, Uint8Array>>();
  for await (const item of free.readings()) isTrue<Same<typeof item, Reading>>();
  const stream = await meter.readings();
  isTrue<Same<typeof stream, AsyncIterable<Reading>>>();
  const told: void = meter.readings.tell();
  void told;
  // @ts-expect-error: items come one by one, asynchronously
  for (const _ of meter.sync(3));
  // @ts-expect-error: even when awaited
  for (const _ of await meter.sync(3));
  // @ts-expect-error: a generator's return value does not travel
  (await meter.sync(3)).return(1);
  // @ts-expect-error: a list is no stream
  for await (const _ of meter.list());
  // @ts-expect-error: nor is a plain value
  for await (const _ of meter.plain());
  // @ts-expect-error: nor an object
  for await (const _ of meter.plainAsync());
  // @ts-expect-error: nor nothing
  for await (const _ of meter.nothing());
  // @ts-expect-error: one that never returns streams nothing
  for await (const _ of meter.never());
  // @ts-expect-error: what streams at times has to be looked at
  for await (const _ of meter.atTimes(true));
  // @ts-expect-error: the arguments are checked
  meter.sync("3");
  // @ts-expect-error: the window is a number
  meter.sync.with({ window: "1" })(3);
}

// As arguments.
export const sums: Promise<number>[] = [
  meter.sum(ReadableStream.from([1, 2])),
  meter.sum(meter.sync(3)),
  meter.total([{ items: meter.readings() }]),
];
// @ts-expect-error: items of another type
meter.sum(words());
// @ts-expect-error: a list is not iterated asynchronously
meter.sum([1, 2]);
// @ts-expect-error: items of another type, inside of a value
meter.total([{ items: words() }]);
