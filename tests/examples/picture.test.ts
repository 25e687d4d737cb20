import assert from "node:assert/strict";
import { decode } from "fast-png";
import { Picture } from "../../examples/mandelbrot/picture.ts";

function filled(): Picture {
  const picture = new Picture(5, 3);
  // Out of order, and every channel of every pixel different.
  picture.place({ x: 3, y: 0, width: 2, height: 3 }, words(6, 100));
  picture.place({ x: 0, y: 0, width: 3, height: 3 }, words(9, 0));
  return picture;
}

function words(count: number, first: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => 0x80402000 + first + i);
}

Deno.test("Picture assembles tiles in any order and its PNG decodes to the same pixels", () => {
  const picture = filled();
  assert.equal(picture.missing, 0);
  const png = picture.encode();
  const { width, height, channels, depth, data } = decode(png, { checkCrc: true });
  assert.deepEqual([width, height, channels, depth], [5, 3, 4, 8]);
  assert.deepEqual([...data], [...picture.rgba()]);
  assert.deepEqual([...data.subarray(0, 8)], [0, 32, 64, 128, 1, 32, 64, 128]);
  assert.deepEqual([...data.subarray(12, 16)], [100, 32, 64, 128]);
  picture.verify(png);
});

Deno.test("Picture takes tiles that are views of a larger buffer", () => {
  const picture = new Picture(2, 1);
  picture.place({ x: 0, y: 0, width: 2, height: 1 }, words(9, 0).subarray(4, 6));
  assert.deepEqual([picture.rgba()[0], picture.rgba()[4]], [4, 5]);
});

Deno.test("Picture refuses tiles that are outside, overlap, or have other sizes, and stays as it was", () => {
  const picture = new Picture(4, 4);
  const area = { x: 0, y: 0, width: 2, height: 2 };
  picture.place(area, words(4, 0));
  assert.throws(() => picture.place({ ...area, x: 1 }, words(4, 0)), /at 1,0 overlaps/);
  assert.throws(() => picture.place({ ...area, x: 3 }, words(4, 0)), /not inside .* 4x4/);
  assert.throws(() => picture.place({ ...area, x: -1 }, words(4, 0)), /whole numbers/);
  assert.throws(() => picture.place({ ...area, x: 2 }, words(3, 0)), /needs 4 pixels, got 3/);
  assert.equal(picture.missing, 12);
});

Deno.test("Picture.encode() refuses a picture with missing tiles, and counts them", () => {
  const picture = new Picture(4, 4);
  picture.place({ x: 0, y: 0, width: 4, height: 3 }, words(12, 0));
  assert.throws(() => picture.encode(), /4 pixels are missing/);
});

Deno.test("Picture.verify() says what is wrong with a PNG", () => {
  const picture = filled();
  const other = new Picture(5, 3);
  other.place({ x: 0, y: 0, width: 5, height: 3 }, words(15, 0));
  assert.throws(() => picture.verify(other.encode()), /differs at pixel 3,0/);
  const small = new Picture(1, 1);
  small.place({ x: 0, y: 0, width: 1, height: 1 }, words(1, 0));
  assert.throws(() => picture.verify(small.encode()), /is 1x1 .* not 5x3/);
  const broken = picture.encode();
  broken[broken.length - 20]! ^= 1;
  assert.throws(() => picture.verify(broken));
});

Deno.test("Picture refuses sizes that are no positive integers", () => {
  assert.throws(() => new Picture(0, 4), /width must be a positive integer, got 0/);
  assert.throws(() => new Picture(4, 1.5), /height must be a positive integer, got 1.5/);
});
