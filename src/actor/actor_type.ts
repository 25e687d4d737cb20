import type { PoolAddress } from "../core/address.ts";
import type { TypeName } from "../core/protocol.ts";
import { Actor, HOOKS, StatelessActor } from "./actor.ts";

/** The key under which a class or kernel carries its {@linkcode ActorType}. */
export const ACTOR_TYPE: unique symbol = Symbol.for("dramatis.actorType") as never;

/** The key that marks a method as not needing the lock. */
export const REENTRANT: unique symbol = Symbol.for("dramatis.reentrant") as never;

/** The key under which a method carries the milliseconds after which it is slow. */
export const SLOW_CALL_MS: unique symbol = Symbol.for("dramatis.slowCallMs") as never;

/** The key that marks a method as one that only reads. */
export const READ_ONLY: unique symbol = Symbol.for("dramatis.readOnly") as never;

/** The key under which a batch handler carries the name of its method. */
export const BATCHED: unique symbol = Symbol.for("dramatis.batched") as never;

/** The key under which a base class says what is special about the types of its classes. */
export const TYPE_OF_BASE: unique symbol = Symbol.for("dramatis.typeOfBase") as never;

/** The module of the runtime's own types, which cannot be made by name. */
export const RUNTIME_MODULE = "dramatis:";

/** What a pool offers to the actors that live in it, by name; a gpu pool has `gpu`. */
export type Resources = Readonly<Record<string, unknown>>;

/** A method that messages may call. */
export interface ActorMethod {
  readonly run: (this: Actor, ...args: unknown[]) => unknown;
  /** Runs without waiting for the lock. */
  readonly concurrent: boolean;
  /** Shares the lock with others that only read. */
  readonly readOnly: boolean;
  /** Declared `async`: its code goes on after the call has returned. */
  readonly isAsync: boolean;
  /** Its place among the methods of its type. */
  readonly index: number;
  /** Milliseconds after which a call of it is slow; those of the type unless it says. */
  readonly slowCallMs: number | undefined;
  /** Takes a whole batch at once, instead of one call after the other. */
  readonly batch: ActorMethod["run"] | null;
}

/** How actors of one class or kernel are named, made and called. */
export interface ActorType<A extends Actor = Actor, P extends unknown[] = unknown[]> {
  readonly name: TypeName;
  /** Where its actors are at home: a class on a cpu, a kernel on a gpu. */
  readonly home: "cpu" | "gpu";
  /** Its actors keep nothing between messages: they may run at once, and in several replicas. */
  readonly stateless?: boolean;
  /** It has no hook and no async method: none of its code goes on after an await. Not known if left out. */
  readonly isPlain?: boolean;
  /** It has a `postCreate`, which may call others before its creator goes on. Not known if left out. */
  readonly hasPostCreate?: boolean;
  /** Milliseconds after which a call of its actors is slow; those of the host unless it says. */
  readonly slowCallMs?: number | undefined;
  /** What may be called, by name: nothing else can be reached by a message. */
  readonly methods: ReadonlyMap<string, ActorMethod>;
  /** Adds to the arguments what a placement says of the actor beside where it goes. */
  placed?(args: P, place: unknown): P;
  /** Makes an instance; may take a while, and may fail. */
  create(args: P, resources: Resources): A | Promise<A>;
  /** Frees what the collector does not see. Called once, when an actor has ended, killed ones too. */
  end?(actor: A): void;
  /**
   * Asked when nothing runs: whether it may be parked, as it keeps nothing that others have refs to. Then it
   * lets go of what it needs for those alone.
   */
  mayRest?(actor: A): boolean;
  /** Pools are gone, or whole hosts: what is kept for them is kept for nobody. */
  lost?(actor: A, isGone: (pool: PoolAddress) => boolean): void;
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
export function classType(cls: ActorClass, name: TypeName, slowCallMs?: number): ActorType {
  const methods = callableMethods(cls);
  const type: ActorType = {
    name,
    slowCallMs,
    home: "cpu",
    stateless: isStateless(cls),
    isPlain: isPlain(cls, methods),
    hasPostCreate: cls.prototype.postCreate !== Actor.prototype.postCreate,
    methods,
    create: (args) => new cls(...args),
  };
  const { [TYPE_OF_BASE]: special } = cls as { [TYPE_OF_BASE]?: (type: ActorType) => ActorType };
  return special === undefined ? type : special(type);
}

function isPlain(cls: ActorClass, methods: ReadonlyMap<string, ActorMethod>): boolean {
  const hasHook = HOOKS.some((name) => cls.prototype[name] !== Actor.prototype[name]);
  return !hasHook && methods.values().every((method) => !method.isAsync);
}

/** Whether its actors are the runtime's own: they answer for themselves. */
export function isRuntimeType({ name }: ActorType): boolean {
  return name.module === RUNTIME_MODULE;
}

/** A type's name for people. */
export function formatType(name: TypeName): string {
  return name.version === "" ? name.name : `${name.name} version ${name.version}`;
}

/** The methods that the class and its own base classes declare; not those of Actor and Object. */
export function callableMethods(cls: ActorClass): ReadonlyMap<string, ActorMethod> {
  const methods = new Map<string, ActorMethod>();
  const stateless = isStateless(cls);
  let prototype: object | null = cls.prototype;
  while (prototype !== null && !BASES.has(prototype)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value !== "function" || name in Actor.prototype || methods.has(name)) continue;
      const concurrent = stateless || Object.hasOwn(value, REENTRANT);
      const { [SLOW_CALL_MS]: slowCallMs } = value as { [SLOW_CALL_MS]?: number };
      const index = methods.size;
      const async = isAsync(value);
      const readOnly = Object.hasOwn(value, READ_ONLY);
      const kind = { concurrent, readOnly, isAsync: async };
      methods.set(name, { run: value, ...kind, index, slowCallMs, batch: null });
    }
    prototype = Object.getPrototypeOf(prototype);
  }
  return withBatches(cls.name, methods);
}

function isStateless(cls: ActorClass): boolean {
  return cls.prototype instanceof StatelessActor;
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
