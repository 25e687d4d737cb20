import assert from "node:assert/strict";
import { blur, edges, gaussianWeights, MAX_RADIUS } from "../../examples/filters/filters.ts";
import blurSource from "../../examples/filters/blur.wgsl" with { type: "text" };
import edgesSource from "../../examples/filters/edges.wgsl" with { type: "text" };
import { KernelRunner } from "../../gpu/kernel_runner.ts";
import { gpuTest } from "../gpu/require_gpu.ts";
import { agreement } from "./agreement.ts";

const width = 13;
const height = 9;
const BLACK = 0xff000000;
const WHITE = 0xffffffff;

function constant(pixel: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(width * height).fill(pixel);
}

/** Every channel, alpha too, jumps about; the same each time. */
function speckled(): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: width * height }, (_, i) => Math.imul(i + 1, 2654435761));
}

function blurred(source: Uint32Array, radius: number): Uint32Array {
  const weights = gaussianWeights(radius);
  const once = new Uint32Array(source.length);
  const twice = new Uint32Array(source.length);
  blur({ source, weights, output: once, p: { width, height, radius, vertical: 0 } });
  blur({ source: once, weights, output: twice, p: { width, height, radius, vertical: 1 } });
  return twice;
}

function edgesOf(source: Uint32Array, gain = 1): Uint32Array {
  const output = new Uint32Array(source.length);
  edges({ source, output, p: { width, height, gain } });
  return output;
}

Deno.test("gaussianWeights() falls from the middle and sums to one with its mirror image", () => {
  for (const radius of [0, 1, 2, 8, MAX_RADIUS]) {
    const weights = gaussianWeights(radius);
    assert.equal(weights.length, radius + 1);
    assert.ok(weights.every((weight, i) => weight > 0 && weight <= weights[Math.max(0, i - 1)]!));
    const sum = 2 * weights.reduce((a, b) => a + b) - weights[0]!;
    assert.ok(Math.abs(sum - 1) < 1e-5, `${radius}: ${sum}`);
  }
});

Deno.test("gaussianWeights() refuses other radii", () => {
  for (const radius of [-1, 1.5, NaN, MAX_RADIUS + 1]) {
    assert.throws(() => gaussianWeights(radius), /radius must be a whole number from 0 to 100/);
  }
});

Deno.test("blur() leaves a constant image as it is", () => {
  for (const pixel of [BLACK, WHITE, 0xff3264c8, 0x01fe0380, 0x80808080]) {
    for (const radius of [0, 1, 4, 50]) {
      assert.deepEqual(blurred(constant(pixel), radius), constant(pixel), `${pixel}, ${radius}`);
    }
  }
});

Deno.test("blur() of radius 0 changes nothing that is seen", () => {
  const source = speckled();
  const seen = source.map((pixel) => pixel >>> 24 === 0 ? 0 : pixel);
  assert.deepEqual(blurred(source, 0), seen);
});

Deno.test("blur() spreads a point evenly in both directions", () => {
  const source = constant(BLACK);
  source[4 * width + 6] = WHITE;
  const output = blurred(source, 3);
  const at = (x: number, y: number) => output[y * width + x]! & 255;
  assert.ok(at(6, 4) > at(7, 4) && at(7, 4) > at(8, 4));
  assert.deepEqual([at(5, 4), at(6, 3), at(6, 5)], [at(7, 4), at(7, 4), at(7, 4)]);
  assert.equal(at(5, 3), at(7, 5));
  assert.equal(at(10, 4), 0);
});

Deno.test("blur() does not let the colour of what is transparent bleed", () => {
  const source = constant(0xff0000ff);
  source[4 * width + 6] = 0x00ffffff;
  for (const pixel of blurred(source, 2)) assert.equal(pixel & 0xffffff, 0x0000ff);
});

Deno.test("edges() of a constant image are black, and alpha stays", () => {
  for (const pixel of [BLACK, WHITE, 0xff3264c8, 0x80c86432]) {
    assert.deepEqual(edgesOf(constant(pixel), 4), constant((pixel & 0xff000000) >>> 0));
  }
});

Deno.test("edges() paints a full step white at gain 1, half as bright at half the gain", () => {
  const source = constant(BLACK).map((_, i) => i % width < 6 ? BLACK : WHITE);
  const row = (gain: number) =>
    [...edgesOf(source, gain).subarray(4 * width, 5 * width)].map((pixel) => pixel & 255);
  assert.deepEqual(row(1), [0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(row(0.5), [0, 0, 0, 0, 0, 128, 128, 0, 0, 0, 0, 0, 0]);
});

Deno.test("edges() does not see the colours of what is transparent", () => {
  assert.ok(edgesOf(speckled().map((pixel) => pixel & 0xffffff), 4).every((pixel) => pixel === 0));
});

Deno.test("blur() and edges() give the same each time", () => {
  assert.deepEqual(blurred(speckled(), 3), blurred(speckled(), 3));
  assert.deepEqual(edgesOf(speckled()), edgesOf(speckled()));
});

const sized = {
  outputs: { output: () => width * height },
  threads: () => [width, height, 1] as const,
};

gpuTest("blur.wgsl and its twin agree within one step of a channel", async (gpu) => {
  const runner = new KernelRunner(gpu, "blur", { wgsl: blurSource, ...sized });
  for (const vertical of [0, 1] as const) {
    for (const radius of [0, 3, 20]) {
      const source = speckled();
      const weights = gaussianWeights(radius);
      const twin = new Uint32Array(source.length);
      const p = { width, height, radius, vertical };
      blur({ source, weights, output: twin, p });
      const { output } = await runner.run({ source, weights, p });
      assert.equal(agreement(output as Uint32Array, twin, 1), 1);
    }
  }
});

gpuTest("edges.wgsl and its twin agree within one step of a channel", async (gpu) => {
  const runner = new KernelRunner(gpu, "edges", { wgsl: edgesSource, ...sized });
  const source = speckled();
  const { output } = await runner.run({ source, p: { width, height, gain: 1.5 } });
  assert.equal(agreement(output as Uint32Array, edgesOf(source, 1.5), 1), 1);
});
