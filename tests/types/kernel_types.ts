/**
 * What the type checker lets users of kernels do. Never run: `readme.test.ts` checks it, and every
 * line under a `@ts-expect-error` must be an error.
 */
import type { ActorRef, Host } from "@dramatis/dramatis";
import {
  compose,
  convolve2d,
  type DeviceRef,
  GpuActor,
  histogram,
  type Kernel,
  kernel,
  type KernelActor,
  type LoadedKernel,
  mapKernel,
  radixSortKernel,
  reduceKernel,
  zipKernel,
} from "@dramatis/dramatis/gpu";
import type { InstancesArgs, InstancesOut } from "../gpu/fixtures/instances_args.ts";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true
  : false;

/** Compiles only for `true`. */
function isTrue<_T extends true>(): void {}

interface SaxpyArgs {
  x: Float32Array;
  y: Float32Array;
  p: { a: number; n: number };
}

declare const host: Host;
const wgsl = "";

// A declaration: its callbacks see the arguments, of arrays only the length where they may be elsewhere.

export const saxpy = kernel<SaxpyArgs, "y">(import.meta, "saxpy", {
  wgsl,
  threads: ({ x, p }) => Math.min(x.length, p.n),
  check: ({ x, y }) => x.length === y.length ? undefined : "they differ",
  cpu: ({ x, y, p }) => y.forEach((value, i) => y[i] = p.a * x[i]! + value),
});
isTrue<Same<typeof saxpy, Kernel<SaxpyArgs, "y">>>();

kernel<SaxpyArgs, "y">(import.meta, "wrong", {
  wgsl,
  // @ts-expect-error -- there is no such argument
  threads: ({ z }) => z.length,
  // @ts-expect-error -- there is no content yet
  check: ({ x }) => x[0] === 0 ? "zero" : undefined,
  // @ts-expect-error -- p is no array
  cpu: ({ p }) => p.fill(0),
});
// @ts-expect-error -- the results are arrays
kernel<SaxpyArgs, "p">(import.meta, "wrong", { wgsl });
// @ts-expect-error -- there is no WGSL
kernel<SaxpyArgs, "y">(import.meta, "wrong", {});

// Calls.

export async function calls(): Promise<void> {
  const actor = await host.createActor(saxpy, []);
  isTrue<Same<typeof actor, ActorRef<KernelActor<SaxpyArgs, "y">>>>();
  // @ts-expect-error -- a kernel has no arguments of a constructor
  await host.createActor(saxpy, [1]);
  const x = new Float32Array(4);
  const p = { a: 1, n: 4 };
  const { y } = await actor.run({ x, y: x, p });
  isTrue<Same<typeof y, DeviceRef<Float32Array<ArrayBuffer>>>>();
  const arrays = await actor.compute({ x: y, y, p });
  isTrue<Same<typeof arrays.y, Float32Array<ArrayBuffer>>>();
  // @ts-expect-error -- x is no result
  void arrays.x;
  // @ts-expect-error -- a misnamed binding
  await actor.compute({ x, why: x, p });
  // @ts-expect-error -- another kind of array
  await actor.compute({ x: new Int32Array(4), y: x, p });
  // @ts-expect-error -- a list is no array of numbers on a device
  await actor.compute({ x: [1, 2], y: x, p });
  // @ts-expect-error -- a uniform without one of its fields
  await actor.compute({ x, y: x, p: { a: 1 } });
  // @ts-expect-error -- a uniform is a value, not on a device
  await actor.compute({ x, y: x, p: y });
  await actor.run.with({ timeoutMs: 100 })({ x, y: x, p });
}

// Types written by `deno task wgsl:types`.

export const instances = kernel<InstancesArgs, InstancesOut>(import.meta, "instances", {
  wgsl,
  threads: ({ vertices, scene }) => Math.max(vertices.length / 48, scene.count),
});

export async function generated(scene: InstancesArgs["scene"]): Promise<void> {
  const actor = await host.createActor(instances, []);
  const { vertices } = await actor.compute({ vertices: new Uint8Array(48), scene });
  isTrue<Same<typeof vertices, Uint8Array<ArrayBuffer>>>();
  // @ts-expect-error -- structs are bytes
  await actor.compute({ vertices: new Float32Array(12), scene });
  // @ts-expect-error -- a field of another type
  await actor.compute({ vertices, scene: { ...scene, count: "9" } });
}

// Kernels that are made for a type.

export const shifted = mapKernel(import.meta, "shifted", {
  type: "i32",
  p: { by: "i32" },
  expression: "x + p.by",
  cpu: (x, _i, p) => x + p.by,
});
export const product = zipKernel(import.meta, "product", { type: "f32", expression: "x * y" });
export const xor = reduceKernel(import.meta, "xor", {
  type: "u32",
  expression: "a ^ b",
  identity: 0,
});
export const byHeight = radixSortKernel(import.meta, "byHeight", { keys: "f32" });

export async function typed(): Promise<void> {
  const [shift, multiply, combine, sort, blur, count] = await Promise.all([
    host.createActor(shifted, []),
    host.createActor(product, []),
    host.createActor(xor, []),
    host.createActor(byHeight, []),
    host.createActor(convolve2d, []),
    host.createActor(histogram, []),
  ]);
  const { out } = await shift.compute({ x: Int32Array.of(1), p: { by: 2 } });
  isTrue<Same<typeof out, Int32Array<ArrayBuffer>>>();
  // @ts-expect-error -- the kernel is of i32
  await shift.compute({ x: Float32Array.of(1), p: { by: 2 } });
  // @ts-expect-error -- its parameter is called by
  await shift.compute({ x: Int32Array.of(1), p: { of: 2 } });
  isTrue<
    Same<Awaited<ReturnType<typeof multiply.compute>>["out"], Float32Array<ArrayBuffer>>
  >();
  isTrue<Same<Awaited<ReturnType<typeof combine.compute>>["out"], Uint32Array<ArrayBuffer>>>();
  isTrue<Same<Awaited<ReturnType<typeof sort.compute>>["keys"], Float32Array<ArrayBuffer>>>();
  const p = { width: 1, height: 1, filterWidth: 1, filterHeight: 1, clamp: 1 } as const;
  await blur.compute({ x: new Float32Array(1), weights: new Float32Array(1), p });
  const [x, weights] = [new Float32Array(1), new Float32Array(1)];
  // @ts-expect-error -- clamp is 0 or 1
  await blur.compute({ x, weights, p: { ...p, clamp: 2 } });
  // @ts-expect-error -- counts are of u32
  await count.compute({ x: new Uint32Array(1), out: new Float32Array(1), p: { bins: 1 } });
}

// What holds kernels.

export class Body extends GpuActor {
  #saxpy!: LoadedKernel<SaxpyArgs, "y">;
  #x!: DeviceRef<Float32Array<ArrayBuffer>>;
  override async postCreate(): Promise<void> {
    this.#saxpy = await this.gpu.kernel(saxpy);
    this.#x = await this.gpu.array(new Float32Array(4));
    // @ts-expect-error -- it is of floats
    this.#x = await this.gpu.array(new Int32Array(4));
  }
  async step(a: number): Promise<void> {
    const p = { a, n: 4 };
    ({ y: this.#x } = await this.#saxpy.run({ x: this.#x, y: this.#x, p }));
  }
}

export const both = compose<SaxpyArgs, "y">(import.meta, "both", [saxpy, saxpy]);
// @ts-expect-error -- a class is no kernel
compose(import.meta, "none", [Body]);
