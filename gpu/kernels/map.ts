import { type Kernel, kernel } from "../kernel.ts";
import type { Keys } from "../kernel_actor.ts";
import type { ArgumentShapes, KernelOptions } from "../kernel_spec.ts";
import type { ElementArray, ElementArrays, ElementType } from "./elements.ts";
import { threadsOf } from "./grid.ts";
import mapSource from "./map.wgsl" with { type: "text" };
import zipSource from "./zip.wgsl" with { type: "text" };

/** Invocations of a workgroup of both sources. */
const THREADS = 256;

/** The parameters of an expression: the WGSL type of each by name. */
export type ParameterTypes = Readonly<Record<string, ElementType>>;

/** The values of those parameters. */
export type Parameters<P extends ParameterTypes> = { readonly [K in keyof P]: number };

/** No parameters. */
export type NoParameters = Readonly<Record<never, never>>;

/** What {@linkcode mapKernel} and {@linkcode zipKernel} have in common. */
export interface ExpressionOptions<
  T extends ElementType,
  R extends ElementType,
  P extends ParameterTypes,
> {
  /** The elements that it takes. */
  readonly type: T;
  /** The elements that it gives. @default the same as `type` */
  readonly result?: R;
  /** WGSL, for one element. Errors count its lines from 1. */
  readonly expression: string;
  /** The parameters, the fields of the argument `p`. @default there are none, and no `p` */
  readonly p?: P;
}

/** How to declare a {@linkcode mapKernel}. */
export interface MapOptions<
  T extends ElementType,
  R extends ElementType,
  P extends ParameterTypes,
> extends ExpressionOptions<T, R, P> {
  /** The same for one element on the CPU; what it returns is rounded to the type of the result. */
  readonly cpu?: (x: number, i: number, p: Parameters<P>) => number;
}

/** How to declare a {@linkcode zipKernel}. */
export interface ZipOptions<
  T extends ElementType,
  R extends ElementType,
  P extends ParameterTypes,
> extends ExpressionOptions<T, R, P> {
  /** The same for one pair on the CPU; what it returns is rounded to the type of the result. */
  readonly cpu?: (x: number, y: number, i: number, p: Parameters<P>) => number;
}

/** The arguments of a {@linkcode mapKernel}. */
export interface MapArgs<
  T extends ElementType,
  R extends ElementType,
  P extends ParameterTypes,
> {
  /** The elements. */
  readonly x: ElementArrays[T];
  /** The results, as many as elements. */
  readonly out: ElementArrays[R];
  /** The parameters, if it declares any. */
  readonly p: Parameters<P>;
}

/** The arguments of a {@linkcode zipKernel}. */
export interface ZipArgs<
  T extends ElementType,
  R extends ElementType,
  P extends ParameterTypes,
> extends MapArgs<T, R, P> {
  /** The other elements, as many as `x` has. */
  readonly y: ElementArrays[T];
}

/** What the type checker knows of them inside. */
interface AnyArgs {
  readonly x: ElementArray;
  readonly y: ElementArray;
  readonly out: ElementArray;
  readonly p: never;
}

/**
 * Declares a kernel that computes an expression for every element: `out[i] = expression`, a WGSL
 * expression of `x` (the element), `i` (its index, a `u32`) and `p` (the parameters, if there are any).
 *
 * @param meta The `import.meta` of the module that exports the kernel.
 * @param name The name under which the module exports it.
 * @throws {KernelCompileError} From calls, when the expression does not compile; with its line.
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, mapKernel } from "@dramatis/dramatis/gpu";
 *
 * export const scaled = mapKernel(import.meta, "scaled", {
 *   type: "f32",
 *   p: { scale: "f32" },
 *   expression: "p.scale * x * x",
 *   cpu: (x, _i, p) => p.scale * x * x,
 * });
 *
 * if (import.meta.main) {
 *   await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 *   const place = device({ prefer: "gpu", fallback: "cpu" });
 *   const scaler = await host.createActor(scaled, [], { place });
 *   const { out } = await scaler.compute({ x: Float32Array.of(1, 2, 3), p: { scale: 2 } });
 *   console.log(out); // Float32Array [ 2, 8, 18 ]
 * }
 * ```
 */
export function mapKernel<
  T extends ElementType,
  R extends ElementType = T,
  P extends ParameterTypes = NoParameters,
>(
  meta: ImportMeta,
  name: string,
  options: MapOptions<T, R, P>,
): Kernel<MapArgs<T, R, P>, "out" & Keys<MapArgs<T, R, P>>> {
  return kernel(meta, name, mapOptions(options)) as never;
}

/**
 * Declares a kernel that computes an expression for every pair of elements: `out[i] = expression`, a
 * WGSL expression of `x` and `y` (the elements), `i` (their index, a `u32`) and `p` (the parameters, if
 * there are any).
 *
 * @param meta The `import.meta` of the module that exports the kernel.
 * @param name The name under which the module exports it.
 * @throws {KernelCompileError} From calls, when the expression does not compile; with its line.
 * @throws {KernelArgumentError} From calls, when `x` and `y` differ in length.
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, zipKernel } from "@dramatis/dramatis/gpu";
 *
 * export const product = zipKernel(import.meta, "product", {
 *   type: "i32",
 *   expression: "x * y",
 *   cpu: Math.imul,
 * });
 *
 * if (import.meta.main) {
 *   await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 *   const place = device({ prefer: "gpu", fallback: "cpu" });
 *   const multiplier = await host.createActor(product, [], { place });
 *   const { out } = await multiplier.compute({ x: Int32Array.of(2, 3), y: Int32Array.of(4, -5) });
 *   console.log(out); // Int32Array [ 8, -15 ]
 * }
 * ```
 */
export function zipKernel<
  T extends ElementType,
  R extends ElementType = T,
  P extends ParameterTypes = NoParameters,
>(
  meta: ImportMeta,
  name: string,
  options: ZipOptions<T, R, P>,
): Kernel<ZipArgs<T, R, P>, "out" & Keys<ZipArgs<T, R, P>>> {
  return kernel(meta, name, zipOptions(options)) as never;
}

/** The declaration of a map. */
export function mapOptions<P extends ParameterTypes>(
  options: MapOptions<ElementType, ElementType, P>,
  threads: number = THREADS,
): KernelOptions<AnyArgs> {
  const { cpu } = options;
  return {
    ...shape(threads),
    wgsl: head(options, "x: T", 2) + mapSource,
    ...cpu && {
      cpu: ({ x, out, p }) => {
        for (let i = 0; i < x.length; i++) out[i] = cpu(x[i]!, i, p);
      },
    },
  };
}

/** The declaration of a zip. */
export function zipOptions<P extends ParameterTypes>(
  options: ZipOptions<ElementType, ElementType, P>,
  threads: number = THREADS,
): KernelOptions<AnyArgs> {
  const { cpu } = options;
  return {
    ...shape(threads),
    wgsl: head(options, "x: T, y: T", 3) + zipSource,
    check: ({ x, y }) =>
      x.length === y.length ? undefined : `x has ${x.length} elements, but y ${y.length}`,
    ...cpu && {
      cpu: ({ x, y, out, p }) => {
        for (let i = 0; i < x.length; i++) out[i] = cpu(x[i]!, y[i]!, i, p);
      },
    },
  };
}

function shape(threads: number) {
  return {
    overrides: { THREADS: threads },
    threads: ({ x }: ArgumentShapes<AnyArgs>) => threadsOf(Math.ceil(x.length / threads), threads),
    outputs: { out: ({ x }: ArgumentShapes<AnyArgs>) => x.length },
  } satisfies Partial<KernelOptions<AnyArgs>>;
}

/** What the sources leave open. The expression comes first, so that its lines count from 1. */
function head(
  { type, result = type, expression, p }: ExpressionOptions<
    ElementType,
    ElementType,
    ParameterTypes
  >,
  arguments_: string,
  binding: number,
): string {
  const fields = Object.entries(p ?? {}).map(([name, field]) => `${name}: ${field}`).join(", ");
  const lines = [
    `fn value(${arguments_}, i: u32) -> R { return ${expression}`,
    "; }", // a line of its own, as the expression may end in a comment
    `alias T = ${type};`,
    `alias R = ${result};`,
  ];
  if (fields !== "") {
    lines.push(`struct Parameters { ${fields} }`);
    lines.push(`@group(0) @binding(${binding}) var<uniform> p: Parameters;`);
  }
  return lines.join("\n") + "\n";
}
