import assert from "node:assert/strict";
import { Encoder } from "@msgpack/msgpack";
import { Codec, FrameWriter, readFrames } from "../../src/core/codec.ts";
import type { CallFrame, Frame } from "../../src/core/protocol.ts";
import { BodyReader, BodyWriter, SHORT_BODY_BYTES } from "../../src/core/short_body.ts";

const HERE = { host: 2 ** 47, pool: 1 };

const VALUES: readonly unknown[] = [
  null,
  true,
  [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 47 + 5, -1, -32],
  [0.5, -1e-300, Infinity],
  ["", "a", "x".repeat(31), "x".repeat(32), "x".repeat(65), "x".repeat(255)],
  { a: 1, b: { c: [1, { d: "e" }] }, "": null },
];

/** The library reads and writes these too. */
const LONG: readonly unknown[] = [
  [-33, -129, -40_000, -(2 ** 40), 2 ** 52],
  ["ä", "\ufeffmark", "€".repeat(100), "x".repeat(256), "x".repeat(70_000)],
  Array.from({ length: 16 }, (_, i) => i),
  Array.from({ length: 70_000 }, (_, i) => i),
  Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i}`, i])),
  Array.from({ length: 40 }).reduce<unknown>((inner) => [inner], 1),
];

function written(value: unknown): Uint8Array | null {
  const bytes = new Uint8Array(SHORT_BODY_BYTES);
  const writer = new BodyWriter();
  writer.begin(new DataView(bytes.buffer), bytes, 0);
  writer.value(value);
  return writer.end < 0 ? null : bytes.slice(0, writer.end);
}

function call(args: unknown[]): Frame {
  return { kind: "call", id: 1, to: HERE, from: HERE, uid: "u", method: "m", args };
}

Deno.test("BodyWriter: writes the bytes that the library does, or leaves it to that", () => {
  for (const value of VALUES) assert.deepEqual(written(value), new Encoder().encode(value));
  assert.equal(written(LONG[1]), null);
  assert.equal(written(LONG[2]), null);
  assert.equal(written(undefined), null);
});

Deno.test("BodyReader: reads what the library has written, or leaves it to that", () => {
  const reader = new BodyReader();
  for (const value of [...VALUES, ...LONG]) {
    const read = reader.read(new Encoder().encode(value));
    if (read !== undefined) assert.deepEqual(read, value);
  }
  for (const value of VALUES.slice(1)) {
    assert.deepEqual(reader.read(new Encoder().encode(value)), value);
  }
});

Deno.test("BodyReader: bytes that end early, or go on, are none", () => {
  const reader = new BodyReader();
  const bytes = new Encoder().encode(VALUES.slice(2));
  for (let end = 0; end < bytes.length; end++) {
    assert.equal(reader.read(bytes.subarray(0, end)), undefined);
  }
  assert.equal(reader.read(new Uint8Array([...bytes, 0])), undefined);
});

Deno.test("FrameWriter: a getter that sends in the midst of a short body spoils neither", () => {
  const codec = new Codec();
  const writer = new FrameWriter(codec, "aside");
  let reads = 0;
  const value = {
    before: 1,
    get sends(): string {
      if (++reads === 2) writer.write(call([{ inner: "frame" }]));
      return "outer";
    },
  };
  writer.write(call(["first"]));
  writer.write(call([value]));
  const { bytes, segments } = writer.take();
  const frames = readFrames(bytes, segments, true).map((raw) => codec.decode(raw) as CallFrame);
  assert.deepEqual(frames.map(({ args }) => args), [
    ["first"],
    [{ inner: "frame" }],
    [{ before: 1, sends: "outer" }],
  ]);
});
