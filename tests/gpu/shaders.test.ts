/** Compute shaders as people write them elsewhere run unmodified, and agree with plain JavaScript. */
import assert from "node:assert/strict";
import { runTwin } from "../../gpu/cpu_twin.ts";
import { KernelRunner } from "../../gpu/kernel_runner.ts";
import type { KernelInput, KernelOptions, TwinInput } from "../../gpu/kernel_spec.ts";
import type { TypedArray } from "../../gpu/typed_array.ts";
import type { GpuHandle } from "../../gpu/device.ts";
import {
  boids,
  half,
  histogram,
  instances,
  life,
  LIFE_SIZE,
  matmul,
  nbody,
  NO_STATS,
  scan,
  stats,
  type Vertex,
  vertices,
} from "./shaders/shaders.ts";
import { gpuTest } from "./require_gpu.ts";

/** Numbers from 0 to 1 that are the same in every run. */
function noise(length: number, seed = 1): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, (_, i) => (Math.sin(seed + i * 12.9898) * 43758.5453) % 1)
    .map(Math.abs);
}

/** The results of device and twin. */
async function both<A extends object>(
  gpu: GpuHandle,
  options: KernelOptions<A>,
  args: KernelInput<A> & TwinInput<A>,
): Promise<[Record<string, TypedArray>, Record<string, TypedArray>]> {
  const runner = new KernelRunner<A>(gpu, "shader", options);
  return [await runner.run(args), await runTwin<A>("shader", options, args)];
}

function assertClose(got: ArrayLike<number>, wanted: ArrayLike<number>, within: number): void {
  assert.equal(got.length, wanted.length);
  let worst = 0;
  for (let i = 0; i < got.length; i++) worst = Math.max(worst, Math.abs(got[i]! - wanted[i]!));
  assert.ok(worst <= within, `they differ by ${worst}`);
}

gpuTest("shaders: the game of life, ten generations that stay on the device", async (gpu) => {
  const runner = new KernelRunner(gpu, "life", life);
  const [width, height] = LIFE_SIZE;
  let expected = Uint32Array.from(noise(width! * height!), (v) => Number(v > 0.6));
  let { next } = await runner.enqueue({ size: LIFE_SIZE, current: expected });
  for (let i = 0; i < 9; i++) {
    const { next: after } = await runner.enqueue({ size: LIFE_SIZE, current: next! });
    next!.release();
    next = after;
  }
  for (let i = 0; i < 10; i++) {
    const twin = await runTwin("life", life, { size: LIFE_SIZE, current: expected });
    expected = twin.next as Uint32Array<ArrayBuffer>;
  }
  assert.ok(expected.includes(1));
  assert.deepEqual(await runner.read(next!), expected);
  next!.release();
});

gpuTest("shaders: boids, with padded nested structs as parameters", async (gpu) => {
  const args = {
    before: noise(4 * 150).map((v) => 2 * v - 1),
    params: {
      dt: 0.04,
      cohesion: { distance: 0.3, scale: 0.02 },
      wind: [0.01, -0.005, 9],
      separation: { distance: 0.1, scale: 0.05 },
      alignment: { distance: 0.2, scale: 0.05 },
      steps: 3,
    },
  };
  const [device, twin] = await both(gpu, boids, args);
  assertClose(device.after!, twin.after!, 1e-4);
  assert.notDeepEqual(device.after, args.before);
});

gpuTest(
  "shaders: prefix sums by blocks in workgroup memory, in three entry points",
  async (gpu) => {
    for (const n of [1, 127, 128, 129, 128 * 128]) {
      const data = Uint32Array.from(noise(n), (v) => Math.floor(100 * v));
      const [device, twin] = await both(gpu, scan, { data });
      assert.deepEqual(device, twin);
    }
  },
);

gpuTest("shaders: a histogram with atomics of workgroups and of a struct", async (gpu) => {
  const values = Int32Array.from(noise(10_000), (v, i) => i % 50 < 3 ? i % 50 - 2 : 4000 * v - 900);
  const [device, twin] = await both(gpu, histogram, {
    values,
    stats: stats.pack(NO_STATS) as Uint8Array,
  });
  assert.deepEqual(stats.unpack(device.stats!), stats.unpack(twin.stats!));
  assert.equal(stats.unpack(device.stats!).seen, values.length);
});

gpuTest("shaders: a tiled matrix product of odd sizes, in groups 0 to 2", async (gpu) => {
  const sizes = { m: 19, k: 45, n: 30 };
  const args = { a: noise(sizes.m * sizes.k), b: noise(sizes.k * sizes.n, 2), sizes };
  const [device, twin] = await both(gpu, matmul, args);
  assertClose(device.c!, twin.c!, 1e-4);
});

gpuTest(
  "shaders: bodies that pull each other, tuned by overrides, in groups 0, 2 and 3",
  async (gpu) => {
    const args = { bodies: noise(8 * 50), settings: { dt: 0.1, damping: 0.9 } };
    const [device, twin] = await both(gpu, nbody, args);
    assertClose(device.moved!, twin.moved!, 1e-4);
  },
);

gpuTest(
  "shaders: matrices, nested structs and arrays, vec3 alignment, mixed structs",
  async (gpu) => {
    const list: Vertex[] = Array.from({ length: 10 }, (_, i) => {
      const [x, y, z, nx, ny, nz, ...weights] = noise(9, i);
      return {
        at: [x!, y!, z!],
        id: i * 1000,
        normal: [nx!, ny!, nz!],
        weights,
        flags: [-i, i],
      };
    });
    const column = (k: number) => [...noise(3, 50 + k)];
    const scene = {
      camera: {
        view: [...noise(16, 20)],
        normal: [column(0), column(1), column(2)],
        jitter: [[1, 2, 3, 4], [5, 6, 7, 8]],
      },
      lights: [
        { direction: [0.5, 0.1, -1], color: [0, 2, 0], strength: 3 },
        { direction: [0, 1, 0.5], color: [1, 0.5, 1], strength: 0.25 },
      ],
      tint: [0, 0, 0, 0, 0, 0.125],
      count: 9,
    };
    const packed = vertices.pack(list) as Uint8Array;
    const [device, twin] = await both(gpu, instances, { scene, vertices: packed });
    const [got, wanted] = [vertices.unpack(device.vertices!), vertices.unpack(twin.vertices!)];
    got.forEach((vertex, i) => {
      const other = wanted[i]!;
      assert.deepEqual([vertex.id, vertex.flags], [other.id, other.flags]);
      for (const name of ["at", "normal", "weights"] as const) {
        assertClose(vertex[name], other[name], 1e-5);
      }
    });
    assert.deepEqual(got[9], vertices.unpack(packed)[9], "past `count` nothing changes");
  },
);

gpuTest("shaders: halves in structs, uniforms and results", async (gpu) => {
  if (!gpu.description.features.includes("shader-f16")) return;
  const args = {
    pairs: Float16Array.from(noise(8 * 33)),
    factor: { scale: [0, 0.5], shift: 3, matrix: [1, 2, 0.25, 4] },
  };
  const [device, twin] = await both(gpu, half, args);
  assertClose(device.products!, twin.products!, 5e-3);
});

/** Declarations of every kind, which reflection must get past. */
const DECLARATIONS = `
  const A = 1.0 < 2.0 && 3 > 2; const B: u32 = (1 << 4u) - 1; const C = vec3f(1, 2, 3).y;
  const D = array<f32, 3>(1.0, 2.0, 3.0); const E = D[1]; const F = 0x1.8p3; const G = 1e-5f;
  const H = max(1, 2); const I = select(1, 2, true); const J = mat2x2<f32>(1.0, 0.0, 0.0, 1.0);
  const_assert 1 < 2; const_assert(3 > 2);
  @id(3) override K: f32 = 0.5; override L = K * 2.0; override M: bool = true; override N = u32(4);
  const π = 3.14; const _o = 1; fn größe() { _ = _o; };
  alias P = array<vec4<f32>, 4>; alias Q = P; alias R = ptr<function, f32>;
  struct S { @align(16) a: f32, @size(32) b: vec3<f32>, c: array<mat3x2<f32>, 2>, };
  struct T { a: atomic<u32>, b: array<f32, 4> } var<workgroup> t: T;
  var<private> seed: u32 = 123u * 4; var<private> list: array<vec2<f32>, 4> = array<vec2<f32>, 4>();
  var<workgroup> tile: array<array<f32, 8>, 8>; var<workgroup> hits: array<atomic<u32>, 2 * 8>;
  @must_use fn f(x: f32) -> f32 { return x; }
  @diagnostic(off, derivative_uniformity) fn g(x: f32) -> f32 { return f(x); }
  fn h(p: ptr<function, vec3<f32>>, a: array<vec2<f32>, 4>) { *p = vec3f(a[0], 1); }
  @vertex fn vs(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f { return vec4f(); }
  @fragment fn fs() -> @location(0) vec4f { return vec4f(1); }
  @group(B / 15) @binding(B - 14) var<storage,read_write> z : array<atomic<u32>,4>;
  @binding(2) @group(1) var<storage> x: array<array<f32, 3>>;
  @compute @workgroup_size(N) fn main(@builtin(local_invocation_index) i: u32) {
    if (A && i < N) { atomicAdd(&z[i], u32(g(x[1][2])) + B); }
  }`;

gpuTest("shaders: declarations of every kind, beside vertex and fragment stages", async (gpu) => {
  const runner = new KernelRunner<{ x: Float32Array; z: Uint32Array }>(gpu, "all", {
    wgsl: DECLARATIONS,
  });
  const x = Float32Array.of(0, 0, 0, 0, 0, 7);
  const { z } = await runner.run({ x, z: Uint32Array.of(1, 2, 3, 4) });
  assert.deepEqual(z, Uint32Array.of(23, 24, 25, 26));
});
