/** What a kernel is made of, and the actor type that stands for it. */

import { ACTOR_TYPE, type ActorFactory, callableMethods } from "../src/actor/actor_type.ts";
import { minWorkOf } from "../src/schedule/device_policy.ts";
import { ownerType } from "./device_owner.ts";
import { KernelActor, type Keys } from "./kernel_actor.ts";
import type { KernelArgs, KernelOptions } from "./kernel_spec.ts";
import type { UniformValue } from "./layout.ts";

/** A kernel of one WGSL module, or several kernels one after the other. */
export type Declaration = WgslDeclaration | ChainDeclaration;

/** A kernel of one WGSL module. */
export interface WgslDeclaration {
  readonly kind: "wgsl";
  readonly name: string;
  readonly options: KernelOptions<object>;
}

/** Kernels one after the other. */
export interface ChainDeclaration {
  readonly kind: "chain";
  readonly name: string;
  readonly steps: readonly ChainStep[];
  /** What it gives of all that its steps make; of the last step all, if it does not say. */
  readonly results: readonly string[] | undefined;
}

/** A uniform of a step: a value, or what makes it of what there is so far. */
export type StepUniform = UniformValue | ((args: never) => UniformValue);

/** One kernel of several. */
export interface ChainStep {
  readonly kernel: Declaration;
  /** What its bindings are called in the chain, where that is something else. */
  readonly bind: Readonly<Record<string, string>>;
  readonly uniforms: Readonly<Record<string, StepUniform>>;
}

/** The key under which a kernel carries its declaration. */
export const DECLARATION: unique symbol = Symbol.for("dramatis.kernel") as never;

/** A kernel: `createActor` makes an actor of it. */
export type Kernel<A extends object = KernelArgs, Out extends Keys<A> = Keys<A>> = ActorFactory<
  KernelActor<A, Out>,
  []
>;

/**
 * What a kernel is made of.
 *
 * @throws {TypeError} When the value is none.
 */
export function declarationOf(kernel: unknown): Declaration {
  const declaration = typeof kernel === "object" && kernel !== null
    ? (kernel as { [DECLARATION]?: Declaration })[DECLARATION]
    : undefined;
  if (declaration !== undefined) return declaration;
  throw new TypeError(`${describe(kernel)} is no kernel: make one with kernel() or compose()`);
}

function describe(value: unknown): string {
  return typeof value === "function" ? `class or function ${value.name}` : String(value);
}

/** The kernel that a module exports. */
export function kernelOf<A extends object, Out extends Keys<A>>(
  meta: ImportMeta,
  declaration: Declaration,
): Kernel<A, Out> {
  const { name } = declaration;
  const type = ownerType<KernelActor<A, Out>, [minWork?: number | "auto"]>({
    name: { module: meta.url, export: name, name, version: "" },
    home: "gpu",
    stateless: true,
    methods: callableMethods(KernelActor as never),
    placed: (_args, place) => {
      const minWork = minWorkOf(place);
      return minWork === undefined ? [] : [minWork];
    },
    async create([minWork], resources) {
      // Loaded by pools that run kernels alone: every worker whose actors import this package loads this file.
      const { openEngine, storeOf } = await import("./kernel_engine.ts");
      const store = storeOf(resources);
      return new KernelActor(store, await openEngine(store, declaration, minWork));
    },
  });
  return Object.freeze({ [ACTOR_TYPE]: type, [DECLARATION]: declaration }) as Kernel<A, Out>;
}
