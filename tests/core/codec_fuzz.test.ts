import assert from "node:assert/strict";
import { Encoder, ExtData } from "@msgpack/msgpack";
import { Codec, FrameWriter, readFrames } from "../../src/core/codec.ts";
import { ProtocolError } from "../../src/core/host_errors.ts";
import { NODE } from "../../src/core/nodes.ts";
import { FRAME_KINDS } from "../../src/core/protocol.ts";
import { HERE, THERE, ways } from "./codec_helpers.ts";
import { sampleFrames } from "./frames.ts";
import { assertUntouchedPrototypes, FUZZ_TIMES, Mutator } from "./mutations.ts";

/** Random numbers that are the same in every run (mulberry32). */
class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  next(): number {
    this.#state = this.#state + 0x6d2b79f5 | 0;
    let t = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  }
  below(end: number): number {
    return Math.floor(this.next() * end);
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

const TEXTS = ["", "a", "key", "żółw", "\ud800", "x".repeat(300), "__proto__", "\ufeff".repeat(90)];
const NUMBERS = [0, -0, 1, -1, 1.5, NaN, Infinity, 2 ** 31, -(2 ** 31), 2 ** 53, 127, 128, 65_536];

function primitive(random: Random): unknown {
  switch (random.below(6)) {
    case 0:
      return random.pick(TEXTS);
    case 1:
      return random.pick(NUMBERS);
    case 2:
      return random.pick([null, undefined, true, false]);
    case 3:
      return random.pick([0n, -1n, 2n ** 64n]);
    default:
      return random.below(1000);
  }
}

/** A random value; objects made before may come again, so there are cycles. */
function randomValue(random: Random, depth: number, made: object[]): unknown {
  if (depth === 0 || random.next() < 0.3) return primitive(random);
  if (made.length > 0 && random.next() < 0.1) return random.pick(made);
  const length = random.below(5);
  const inner = () => randomValue(random, depth - 1, made);
  const keep = <T extends object>(value: T): T => (made.push(value), value);
  switch (random.below(9)) {
    case 0:
    case 1: {
      const list = keep([] as unknown[]);
      for (let i = 0; i < length; i++) if (random.next() < 0.95) list[i] = inner();
      return list;
    }
    case 2:
    case 3: {
      const object = keep({} as Record<string, unknown>);
      for (let i = 0; i < length; i++) {
        Object.defineProperty(object, random.pick(TEXTS), {
          value: inner(),
          writable: true,
          enumerable: true,
          configurable: true,
        });
      }
      return object;
    }
    case 4: {
      const map = keep(new Map<unknown, unknown>());
      for (let i = 0; i < length; i++) map.set(inner(), inner());
      return map;
    }
    case 5: {
      const set = keep(new Set<unknown>());
      for (let i = 0; i < length; i++) set.add(inner());
      return set;
    }
    case 6:
      return keep(Float32Array.from({ length: random.pick([0, 3, 2000]) }, () => random.next()));
    case 7:
      return keep(new Date(random.below(2 ** 40)));
    default: {
      const error = keep(new TypeError("e"));
      if (random.next() < 0.5) error.cause = inner();
      return error;
    }
  }
}

/**
 * The shape of a value as text, with objects numbered in the order they are met: equal for two values
 * exactly if they are copies of each other, shared parts and cycles included.
 */
function shape(value: unknown, met = new Map<object, number>()): string {
  if (typeof value !== "object" || value === null) {
    return Object.is(value, -0) ? "-0" : `${typeof value}:${String(value)}`;
  }
  const known = met.get(value);
  if (known !== undefined) return `#${known}`;
  met.set(value, met.size);
  const all = (items: Iterable<unknown>) => [...items].map((item) => shape(item, met)).join();
  if (value instanceof Map) return `Map(${all([...value].flat())})`;
  if (value instanceof Set) return `Set(${all(value)})`;
  if (value instanceof Date) return `Date(${value.getTime()})`;
  if (value instanceof Float32Array) return `F32(${value.join()})`;
  if (value instanceof Error) {
    return `${value.name}(${value.message},${Object.hasOwn(value, "cause")},${
      shape(value.cause, met)
    })`;
  }
  const kind = Array.isArray(value) ? `Array${value.length}` : "Object";
  return `${kind}{${Object.entries(value).map(([key, item]) => `${key}=${shape(item, met)}`)}}`;
}

for (const way of ways()) {
  Deno.test(`values: random values arrive as they were sent (${way.name})`, () => {
    for (let seed = 0; seed < 500 * FUZZ_TIMES; seed++) {
      const value = randomValue(new Random(seed), 5, []);
      const [arrived] = way.send([value]);
      assert.equal(shape(arrived), shape(value), `seed ${seed}`);
    }
  });
}

Deno.test("codec: batches of mutated frames are frames or ProtocolErrors", () => {
  const codec = new Codec();
  const mutator = new Mutator(42);
  const samples = Object.values(sampleFrames()).map((frame) => {
    const writer = new FrameWriter(codec, "inline");
    writer.write(frame);
    return writer.take().bytes;
  });
  let valid = 0;
  const batches = 15_000 * FUZZ_TIMES;
  for (let i = 0; i < batches; i++) {
    const bytes = mutator.batch(samples);
    // The bytes of another pool of this process are trusted to be well formed, and decoded all the same.
    const trusted = i % 10 === 0;
    try {
      for (const raw of readFrames(bytes, "inline", trusted)) {
        const frame = codec.decode(raw);
        assert.ok(FRAME_KINDS.includes(frame.kind));
        valid++;
      }
    } catch (error) {
      if (error instanceof ProtocolError) continue;
      throw new Error(`case ${i}: ${bytes.toHex()}`, { cause: error });
    }
  }
  assert.ok(valid > batches / 5 && valid < batches * 1.8, `${valid} were valid`);
  assertUntouchedPrototypes();
});

Deno.test("codec: handles that all claim the same nodes cost no more than their bytes", () => {
  const codec = new Codec([
    { tag: "x", match: (_): _ is object => false, toWire: () => null, fromWire: () => ({}) },
  ]);
  const nodes: unknown[] = [[NODE.array]];
  for (let i = 0; i < 200_000; i++) nodes.push([NODE.extension, "x", [0], 0]);
  const table = new ExtData(1, new Encoder().encode([[0], nodes]));
  const body = new Encoder().encode(["u", "m", table]);
  const started = performance.now();
  codec.decode({ kind: "tell", id: 1, to: HERE, from: THERE, hops: 0, body, segments: [] });
  // Were each node looked at for each handle, it would be minutes.
  assert.ok(performance.now() - started < 30_000);
});
