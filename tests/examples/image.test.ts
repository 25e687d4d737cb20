import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { encode, type ImageData } from "fast-png";
import {
  decodeImage,
  encodeImage,
  type Image,
  MAX_FILE_BYTES,
  MAX_PIXELS,
  normalise,
  readImage,
} from "../../examples/filters/image.ts";

function pixelsOf(image: ImageData): string[] {
  return hex(decodeImage(encode(image), "test.png"));
}

/** Pixels as `rrggbbaa`. */
function hex({ pixels }: Image): string[] {
  return [...new Uint8Array(pixels.buffer)].map((byte) => byte.toString(16).padStart(2, "0"))
    .join("").match(/.{8}/g) ?? [];
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** A PNG with one more chunk after its header, which is where the encoder puts none. */
function withChunk(png: Uint8Array, type: string, data: readonly number[]): Uint8Array {
  const body = bytes(...new TextEncoder().encode(type), ...data);
  const words = new DataView(new ArrayBuffer(8));
  words.setUint32(0, data.length);
  words.setUint32(4, crc32(body));
  const [length, crc] = [new Uint8Array(words.buffer, 0, 4), new Uint8Array(words.buffer, 4, 4)];
  return bytes(...png.subarray(0, 33), ...length, ...body, ...crc, ...png.subarray(33));
}

Deno.test("decodeImage() takes 8-bit grey, grey and alpha, RGB and RGBA", () => {
  const size = { width: 2, height: 1 };
  assert.deepEqual(pixelsOf({ ...size, channels: 1, data: bytes(0, 0x80) }), [
    "000000ff",
    "808080ff",
  ]);
  assert.deepEqual(pixelsOf({ ...size, channels: 2, data: bytes(0x11, 0x22, 0x33, 0) }), [
    "11111122",
    "33333300",
  ]);
  assert.deepEqual(pixelsOf({ ...size, channels: 3, data: bytes(1, 2, 3, 4, 5, 6) }), [
    "010203ff",
    "040506ff",
  ]);
  assert.deepEqual(pixelsOf({ ...size, channels: 4, data: bytes(1, 2, 3, 4, 5, 6, 7, 8) }), [
    "01020304",
    "05060708",
  ]);
});

Deno.test("decodeImage() takes 16 bits, rounded to the nearest of 8", () => {
  const size = { width: 1, height: 1, depth: 16 as const };
  const data = (...values: number[]) => Uint16Array.from(values);
  assert.deepEqual(pixelsOf({ ...size, channels: 1, data: data(0xffff) }), ["ffffffff"]);
  assert.deepEqual(pixelsOf({ ...size, channels: 2, data: data(0x80, 0x81) }), ["00000001"]);
  assert.deepEqual(pixelsOf({ ...size, channels: 3, data: data(0x0101, 0x8080, 0) }), ["018000ff"]);
  assert.deepEqual(pixelsOf({ ...size, channels: 4, data: data(0x1234, 0xffff, 0, 0x7f7f) }), [
    "12ff007f",
  ]);
});

Deno.test("decodeImage() takes grey of 1, 2 and 4 bits, whose rows end in the middle of a byte", () => {
  const size = { width: 3, height: 2, channels: 1 };
  assert.deepEqual(
    pixelsOf({ ...size, depth: 1, data: bytes(0b10100000, 0b01000000) }).map((p) => p.slice(0, 2)),
    ["ff", "00", "ff", "00", "ff", "00"],
  );
  assert.deepEqual(
    pixelsOf({ ...size, depth: 2, data: bytes(0b00011000, 0b11000100) }).map((p) => p.slice(0, 2)),
    ["00", "55", "aa", "ff", "00", "55"],
  );
  assert.deepEqual(
    pixelsOf({ ...size, depth: 4, data: bytes(0x01, 0xf0, 0x82, 0x30) }).map((p) => p.slice(0, 2)),
    ["00", "11", "ff", "88", "22", "33"],
  );
});

Deno.test("decodeImage() takes palettes of 1, 2, 4 and 8 bits, with and without alpha", () => {
  const palette = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]];
  const size = { width: 3, height: 1, channels: 1, palette };
  const expected = ["040506ff", "010203ff", "040506ff"];
  assert.deepEqual(pixelsOf({ ...size, depth: 1, data: bytes(0b10100000) }), expected);
  assert.deepEqual(pixelsOf({ ...size, depth: 2, data: bytes(0b01000100) }), expected);
  assert.deepEqual(pixelsOf({ ...size, depth: 4, data: bytes(0x10, 0x10) }), expected);
  assert.deepEqual(pixelsOf({ ...size, depth: 8, data: bytes(1, 0, 1) }), expected);
  const alpha = [[1, 2, 3, 0], [4, 5, 6, 128], [7, 8, 9, 255]];
  assert.deepEqual(pixelsOf({ ...size, palette: alpha, data: bytes(0, 1, 2) }), [
    "01020300",
    "04050680",
    "070809ff",
  ]);
});

Deno.test("decodeImage() hides the one grey or colour that is declared transparent", () => {
  const grey = encode({ width: 3, height: 1, channels: 1, data: bytes(7, 8, 9) });
  assert.deepEqual(hex(decodeImage(withChunk(grey, "tRNS", [0, 8]), "grey.png")), [
    "070707ff",
    "08080800",
    "090909ff",
  ]);
  const rgb = encode({
    width: 3,
    height: 1,
    channels: 3,
    data: bytes(1, 2, 3, 1, 2, 4, 1, 2, 3),
  });
  assert.deepEqual(hex(decodeImage(withChunk(rgb, "tRNS", [0, 1, 0, 2, 0, 3]), "rgb.png")), [
    "01020300",
    "010204ff",
    "01020300",
  ]);
});

Deno.test("decodeImage() takes interlaced images of 8 and 16 bits", () => {
  const data = Uint8Array.from({ length: 10 * 9 * 4 }, (_, i) => i);
  const png = encode({ width: 10, height: 9, channels: 4, data }, { interlace: "Adam7" });
  assert.deepEqual(new Uint8Array(decodeImage(png, "i.png").pixels.buffer), data);
  const deep = Uint16Array.from(data.subarray(0, 90), (value) => value * 257);
  const grey = encode({ width: 10, height: 9, channels: 1, depth: 16, data: deep }, {
    interlace: "Adam7",
  });
  assert.deepEqual(
    [...decodeImage(grey, "i.png").pixels].map((pixel) => pixel & 255),
    [...data.subarray(0, 90)],
  );
});

Deno.test("decodeImage() takes bytes that lie within a larger buffer", () => {
  const png = encode({ width: 1, height: 1, channels: 3, data: bytes(1, 2, 3) });
  const larger = bytes(9, 9, 9, ...png, 9, 9);
  assert.deepEqual(hex(decodeImage(larger.subarray(3, 3 + png.length), "a.png")), ["010203ff"]);
});

Deno.test("encodeImage() and decodeImage() give the same pixels back", () => {
  const pixels = Uint32Array.from({ length: 35 }, (_, i) => Math.imul(i, 2654435761));
  const image = { width: 7, height: 5, pixels };
  assert.deepEqual(decodeImage(encodeImage(image), "same.png"), image);
});

Deno.test("decodeImage() refuses what is not a PNG, naming the file", () => {
  for (const other of [bytes(), bytes(137, 80), new TextEncoder().encode("GIF89a, more text")]) {
    assert.throws(() => decodeImage(other, "cat.gif"), {
      name: "TypeError",
      message: "cat.gif is not a PNG file",
    });
  }
});

Deno.test("decodeImage() refuses a broken PNG, naming the file", () => {
  const png = encode({ width: 40, height: 40, channels: 4, data: new Uint8Array(6400).fill(7) });
  const broken = /^TypeError: photo.png is a broken PNG: /;
  for (let length = 8; length < png.length; length++) {
    assert.throws(() => decodeImage(png.subarray(0, length), "photo.png"), broken);
  }
  const flipped = png.slice();
  flipped[50]! ^= 255;
  assert.throws(() => decodeImage(flipped, "photo.png"), broken);
  const empty = png.slice();
  new DataView(empty.buffer).setUint32(16, 0);
  assert.throws(() => decodeImage(empty, "photo.png"), /it is 0x40 pixels/);
});

Deno.test("decodeImage() refuses too large an image before it makes room for it", () => {
  const png = encode({ width: 1, height: 1, channels: 4, data: bytes(1, 2, 3, 4) });
  const view = new DataView(png.buffer, png.byteOffset);
  view.setUint32(16, 0xffffffff);
  view.setUint32(20, 0xffffffff);
  assert.throws(() => decodeImage(png, "huge.png"), {
    name: "RangeError",
    message: `huge.png is too large: 4294967295x4294967295 pixels, at most ${MAX_PIXELS} in all`,
  });
});

Deno.test("decodeImage() refuses interlaced images of less than 8 bits, which the decoder gets wrong", () => {
  const png = encode({ width: 8, height: 1, channels: 1, depth: 1, data: bytes(0xaa) });
  png[28] = 1;
  assert.throws(() => decodeImage(png, "old.png"), /^TypeError: old.png .* without interlacing/);
});

Deno.test("normalise() refuses indexes beyond the palette and missing samples", () => {
  const raw = { width: 2, height: 1, channels: 1, depth: 8 as const };
  assert.throws(
    () => normalise({ ...raw, data: bytes(0, 1), palette: [[1, 2, 3]] }),
    /its palette has no colour 1/,
  );
  assert.throws(() => normalise({ ...raw, data: bytes(0) }), /has 1 bytes or samples instead of 2/);
});

Deno.test("readImage() reads a file, and names one that it cannot read", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/a.png`;
    const image = { width: 2, height: 1, pixels: Uint32Array.of(1, 2) };
    await Deno.writeFile(path, encodeImage(image));
    assert.deepEqual(await readImage(path), image);
    const missing = `${directory}/missing.png`;
    await assert.rejects(
      readImage(missing),
      (error: Error) =>
        error.message.startsWith(`cannot read ${missing}: `) &&
        error.cause instanceof Deno.errors.NotFound,
    );
    await assert.rejects(readImage(directory), {
      message: `cannot read ${directory}: it is not a file`,
    });
    // Sparse: it takes no room, and must be refused before it is read.
    await Deno.truncate(path, MAX_FILE_BYTES + 1);
    await assert.rejects(readImage(path), /a.png is too large: 134217729 bytes/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
