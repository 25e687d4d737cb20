import assert from "node:assert/strict";
import {
  escapeTime,
  mandelbrot,
  renderTile,
  SEAHORSE_VALLEY,
  type Tile,
  tiles,
  type View,
} from "../../examples/mandelbrot/mandelbrot.ts";
import source from "../../examples/mandelbrot/mandelbrot.wgsl" with { type: "text" };
import { KernelRunner } from "../../gpu/kernel_runner.ts";
import { gpuTest } from "../gpu/require_gpu.ts";
import { agreement } from "./agreement.ts";

const SMALL: View = { ...SEAHORSE_VALLEY, width: 50, height: 34, step: 2 ** -13 };

function coverage(view: View, all: readonly Tile[]): Uint8Array {
  const count = new Uint8Array(view.width * view.height);
  for (const { x, y, width, height } of all) {
    for (let row = y; row < y + height; row++) {
      for (let column = x; column < x + width; column++) {
        assert.ok(column < view.width && row < view.height);
        count[row * view.width + column]!++;
      }
    }
  }
  return count;
}

Deno.test("tiles() covers the demo's picture exactly once, in 135 equal tiles", () => {
  const all = tiles(SEAHORSE_VALLEY);
  assert.equal(all.length, 135);
  assert.ok(all.every(({ width, height }) => width === 128 && height === 120));
  assert.ok(coverage(SEAHORSE_VALLEY, all).every((n) => n === 1));
});

Deno.test("tiles() covers a picture that is no multiple of the tile exactly once", () => {
  for (const [width, height] of [[50, 34], [1, 1], [16, 16], [17, 15]] as const) {
    const view = { ...SMALL, width, height };
    assert.ok(coverage(view, tiles(view, 16, 16)).every((n) => n === 1), `${width}x${height}`);
  }
});

Deno.test("tiles() holds nothing but the uniform's fields, exact in 32-bit floats", () => {
  const struct = /struct Tile \{([^}]*)\}/.exec(source)?.[1] ?? "";
  const fields = [...struct.matchAll(/^\s*(\w+): [fu]32/gm)].map((match) => match[1]);
  for (const tile of tiles(SMALL, 16, 16)) {
    assert.deepEqual(Object.keys(tile), fields);
    assert.ok(Object.values(tile).every((value) => Math.fround(value) === value));
  }
});

Deno.test("tiles() refuses sizes and steps that cannot be rendered, naming them", () => {
  assert.throws(
    () => tiles({ ...SMALL, width: 0 }),
    /width must be an integer from 1 to 16777216, got 0/,
  );
  assert.throws(() => tiles(SMALL, 16.5), /tileWidth must be an integer .* got 16.5/);
  assert.throws(() => tiles({ ...SMALL, samples: NaN }), /samples .* got NaN/);
  assert.throws(() => tiles({ ...SMALL, maxIterations: 2 ** 31 }), /maxIterations .* 2147483648/);
  assert.throws(() => tiles({ ...SMALL, step: 1e-9 }), /step must be at least/);
  assert.throws(() => tiles({ ...SMALL, step: NaN }), RangeError);
});

Deno.test("escapeTime() is -1 inside the set", () => {
  for (const [x, y] of [[0, 0], [-1, 0], [0.25, 0], [-2, 0], [0, 1], [-0.1, 0.7]] as const) {
    assert.equal(escapeTime(x, y, 500), -1, `${x} + ${y}i`);
  }
});

Deno.test("escapeTime() counts the iterations after which a point leaves 2, within one", () => {
  // c = 2: 2, 6. c = 1: 1, 2, 5. c = 0.5: 0.5, 0.75, 1.06, 1.63, 3.15. c = 300: 300.
  for (const [x, count] of [[2, 2], [1, 3], [0.5, 5], [300, 1]] as const) {
    const time = escapeTime(x, 0, 500);
    assert.ok(Math.abs(time - count) <= 1, `${x}: ${time}`);
  }
});

Deno.test("escapeTime() is -1 until the iteration that leaves 256", () => {
  // 1, 2, 5, 26, 677.
  assert.equal(escapeTime(1, 0, 4), -1);
  assert.notEqual(escapeTime(1, 0, 5), -1);
});

Deno.test("escapeTime() is continuous where the whole number steps", () => {
  let last = escapeTime(1, 0, 500);
  for (let x = 1; x > 0.5; x -= 1 / 1024) {
    const time = escapeTime(x, 0, 500);
    assert.ok(time >= last - 1e-6 && time - last < 0.05, `${x}: ${last} then ${time}`);
    last = time;
  }
});

Deno.test("renderTile() paints the inside black and opaque, the outside in colour", () => {
  const inside = tiles({ ...SMALL, width: 4, height: 4, centreX: 0, centreY: 0, step: 2 ** -10 });
  assert.ok(renderTile(inside[0]!).every((pixel) => pixel === 0xff000000));
  const outside = tiles({ ...SMALL, width: 4, height: 4, centreX: 1, centreY: 1, step: 2 ** -10 });
  assert.ok(renderTile(outside[0]!).every((pixel) => pixel > 0xff000000));
});

Deno.test("renderTile() gives the same pixels each time, however the picture is cut", () => {
  const whole = renderTile(tiles(SMALL, SMALL.width, SMALL.height)[0]!);
  assert.deepEqual(renderTile(tiles(SMALL, SMALL.width, SMALL.height)[0]!), whole);
  for (const tile of tiles(SMALL, 16, 8)) {
    const pixels = renderTile(tile);
    for (let y = 0; y < tile.height; y++) {
      const at = (tile.y + y) * SMALL.width + tile.x;
      assert.deepEqual(
        pixels.subarray(y * tile.width, (y + 1) * tile.width),
        whole.subarray(at, at + tile.width),
      );
    }
  }
});

Deno.test("renderTile() averages the samples, whose pairs count as each alone", () => {
  // Three samples a row: a pair and a single one. One sample a pixel: single ones only.
  const view = { ...SMALL, width: 6, height: 6 };
  const coarse = renderTile(tiles({ ...view, samples: 3 })[0]!);
  const fine = renderTile(
    tiles({ ...view, width: 18, height: 18, samples: 1 })[0]!,
  );
  for (let pixel = 0; pixel < 36; pixel++) {
    for (const shift of [0, 8, 16]) {
      let sum = 0;
      for (let sample = 0; sample < 9; sample++) {
        const x = pixel % 6 * 3 + sample % 3;
        const y = Math.floor(pixel / 6) * 3 + Math.floor(sample / 3);
        sum += fine[y * 18 + x]! >>> shift & 255;
      }
      assert.ok(Math.abs(sum / 9 - (coarse[pixel]! >>> shift & 255)) <= 1);
    }
  }
});

gpuTest(
  "mandelbrot.wgsl and its twin agree on 99.5 % of the pixels within 2 of 255",
  async (gpu) => {
    const all = tiles(SEAHORSE_VALLEY);
    // A smooth tile, filigree, and a part of the set; and one that does not fill its workgroups.
    const odd = { ...all[20]!, width: 37, height: 21 };
    for (const tile of [all[70]!, all[9]!, all[14]!, odd]) {
      const twin = new Uint32Array(tile.width * tile.height);
      mandelbrot({ pixels: twin, tile });
      const runner = new KernelRunner(gpu, "mandelbrot", {
        wgsl: source,
        outputs: { pixels: () => twin.length },
        threads: () => [tile.width, tile.height, 1],
      });
      const { pixels } = await runner.run({ tile: { ...tile } });
      const share = agreement(pixels as Uint32Array, twin, 2);
      assert.ok(share >= 0.995, `tile at ${tile.x},${tile.y}: ${100 * share} %`);
    }
  },
);
