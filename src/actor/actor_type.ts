import type { TypeName } from "../core/protocol.ts";
import { Actor, StatelessActor } from "./actor.ts";

/** The key under which a class or kernel carries its {@linkcode ActorType}. */
export const ACTOR_TYPE: unique symbol = Symbol.for("dramatis.actorType") as never;

/** The key that marks a method as not needing the lock. */
export const REENTRANT: unique symbol = Symbol.for("dramatis.reentrant") as never;

/** The key under which a batch handler carries the name of its method. */
export const BATCHED: unique symbol = Symbol.for("dramatis.batched") as never;

/** What a pool offers to the actors that live in it, by name; a gpu pool has `gpu`. */
export type Resources = Readonly<Record<string, unknown>>;

/** A method that messages may call. */
export interface ActorMethod {
  readonly run: (this: Actor, ...args: unknown[]) => unknown;
  /** Runs without waiting for the lock. */
  readonly concurrent: boolean;
  /** Declared `async`: its code goes on after the call has returned. */
  readonly isAsync: boolean;
  /** Takes a whole batch at once, instead of one call after the other. */
  readonly batch: ActorMethod["run"] | null;
}

/** How actors of one class or kernel are named, made and called. */
export interface ActorType<A extends Actor = Actor, P extends unknown[] = unknown[]> {
  readonly name: TypeName;
  /** Where its actors are at home: a class on a cpu, a kernel on a gpu. */
  readonly home: "cpu" | "gpu";
  /** What may be called, by name: nothing else can be reached by a message. */
  readonly methods: ReadonlyMap<string, ActorMethod>;
  /** Makes an instance; may take a while, and may fail. */
  create(args: P, resources: Resources): A | Promise<A>;
  /** Frees what the collector does not see. Called once, when an actor has ended, killed ones too. */
  end?(actor: A): void;
}

/** A class of actors. */
export type ActorClass<A extends Actor = Actor, P extends unknown[] = unknown[]> = new (
  ...args: P
) => A;

/** Something that is no class but makes actors, for example a kernel. */
export interface ActorFactory<A extends Actor = Actor, P extends unknown[] = unknown[]> {
  /** For the type checker alone: what it makes of which arguments. */
  readonly "~actor"?: (...args: P) => A;
}

/** What `createActor` takes. */
export type ActorSource<A extends Actor = Actor, P extends unknown[] = unknown[]> =
  | ActorClass<A, P>
  | ActorFactory<A, P>;

/**
 * The type of a class or kernel.
 *
 * @throws {TypeError} if the value carries none.
 */
export function actorTypeOf<A extends Actor, P extends unknown[]>(
  source: ActorSource<A, P>,
): ActorType<A, P> {
  const type = findActorType(source);
  if (type === undefined) {
    const name = typeof source === "function" ? `class ${source.name}` : String(source);
    throw new TypeError(`Cannot create an actor of ${name}: decorate it with @actor(import.meta)`);
  }
  return type as unknown as ActorType<A, P>;
}

/** The type that a module's export carries, if it carries one of its own. */
export function findActorType(value: unknown): ActorType | undefined {
  if ((typeof value !== "function" && typeof value !== "object") || value === null) {
    return undefined;
  }
  return Object.hasOwn(value, ACTOR_TYPE)
    ? (value as { [ACTOR_TYPE]: ActorType })[ACTOR_TYPE]
    : undefined;
}

/** The type of a decorated class. */
export function classType(cls: ActorClass, name: TypeName): ActorType {
  return { name, home: "cpu", methods: callableMethods(cls), create: (args) => new cls(...args) };
}

/** A type's name for people. */
export function formatType(name: TypeName): string {
  return name.version === "" ? name.name : `${name.name} version ${name.version}`;
}

/** The methods that the class and its own base classes declare; not those of Actor and Object. */
export function callableMethods(cls: ActorClass): ReadonlyMap<string, ActorMethod> {
  const methods = new Map<string, ActorMethod>();
  const stateless = cls.prototype instanceof StatelessActor;
  let prototype: object | null = cls.prototype;
  while (prototype !== null && !BASES.has(prototype)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value !== "function" || name in Actor.prototype || methods.has(name)) continue;
      const concurrent = stateless || Object.hasOwn(value, REENTRANT);
      methods.set(name, { run: value, concurrent, isAsync: isAsync(value), batch: null });
    }
    prototype = Object.getPrototypeOf(prototype);
  }
  return withBatches(cls.name, methods);
}

function isAsync(method: object): boolean {
  const tag = Object.prototype.toString.call(method);
  return tag === "[object AsyncFunction]" || tag === "[object AsyncGeneratorFunction]";
}

/** Gives each method that a `@batched` handler names its handler. */
function withBatches(
  type: string,
  methods: Map<string, ActorMethod>,
): ReadonlyMap<string, ActorMethod> {
  for (const [name, { run }] of [...methods]) {
    const target = (run as { [BATCHED]?: string })[BATCHED];
    if (target === undefined) continue;
    const single = methods.get(target);
    if (single === undefined) {
      throw new TypeError(`@batched(${JSON.stringify(target)}) on ${type}.${name}: no such method`);
    }
    const async = single.isAsync || isAsync(run);
    methods.set(target, { ...single, isAsync: async, batch: run });
  }
  return methods;
}

const BASES: ReadonlySet<object> = new Set([
  Actor.prototype,
  StatelessActor.prototype,
  Object.prototype,
]);
