import { type ActorAddress, formatActor, type PoolAddress } from "../core/address.ts";
import { LIMITS } from "../core/protocol.ts";
import type { CodecExtension } from "../core/values.ts";
import type { Actor } from "./actor.ts";
import { type AnyMethod, type Caller, type RefMethod, refMethod } from "./ref_method.ts";

/** The names that messages may call: public methods, but not those every actor and every object has. */
export type MethodNames<A extends Actor> = {
  [K in keyof A]: K extends keyof Actor | keyof typeof Object.prototype | "then" ? never
    : K extends string ? A[K] extends (...args: never[]) => unknown ? K : never
    : never;
}[keyof A];

/**
 * A typed handle to an actor, wherever it lives: plain data that travels in messages. All its names
 * belong to the actor's methods; use {@linkcode addressOf} for its address.
 */
export type ActorRef<A extends Actor = Actor> =
  & { readonly [K in MethodNames<A>]: RefMethod<A[K]> }
  & {
    /** For the type checker alone: what is behind the ref. */
    readonly "~actor": A;
  };

/** The key that only we know: what is behind the Proxy. */
const TARGET: unique symbol = Symbol("dramatis.ref") as never;
const INSPECT = Symbol.for("Deno.customInspect");

class RefTarget {
  /** Made once a method is asked for: many refs are only handed on. */
  methods: Map<string, AnyMethod> | undefined = undefined;
  readonly #address: ActorAddress;
  constructor(address: ActorAddress, readonly caller: Caller) {
    this.#address = address;
  }

  /** Where the actor is; of one with replicas, as it is known by now. */
  get address(): ActorAddress {
    return this.caller.target ?? this.#address;
  }

  /** What `console.log(ref)` shows: it looks behind the Proxy. */
  [INSPECT](): string {
    const { replicas } = this.address;
    const count = replicas === undefined ? "" : `, ${replicas.length} replicas`;
    return `ActorRef(${formatActor(this.address)}${count})`;
  }
}

/** The one Proxy: a property is a method of the actor; nothing else is there. */
const HANDLER: ProxyHandler<RefTarget> = {
  get(target, key) {
    if (typeof key === "string") return key === "then" ? undefined : methodOf(target, key);
    if (key === TARGET) return target;
    // Else `${ref}` would send the actor a message: toString.
    if (key === Symbol.toPrimitive) return () => target[INSPECT]();
    return undefined;
  },
  has: () => false,
  ownKeys: () => [],
  getOwnPropertyDescriptor: () => undefined,
  set(target, key) {
    throw new TypeError(
      `Cannot set ${String(key)} on the ref of ${formatActor(target.address)}: it is read-only`,
    );
  },
  defineProperty: () => false,
  deleteProperty: () => false,
  setPrototypeOf: () => false,
  preventExtensions: () => false,
};

function methodOf(target: RefTarget, name: string): AnyMethod {
  const methods = target.methods ??= new Map();
  let method = methods.get(name);
  if (method !== undefined) return method;
  method = refMethod(target.address, name, target.caller);
  methods.set(name, method);
  return method;
}

/** A ref to the actor at an address, for use in the caller's pool. */
export function createRef<A extends Actor>(address: ActorAddress, caller: Caller): ActorRef<A> {
  const own = address.replicas === undefined ? caller : caller.balanced(address);
  return new Proxy(new RefTarget(address, own), HANDLER) as unknown as ActorRef<A>;
}

/**
 * Whether a value is a ref.
 *
 * @example
 * ```ts
 * import { Actor, actor, isRef, startHost } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Node extends Actor {}
 *
 * await using host = await startHost({ pools: [] });
 * console.log(isRef(await host.createActor(Node, [])), isRef({})); // true false
 * ```
 */
export function isRef(value: unknown): value is ActorRef<Actor> {
  return targetOf(value) !== undefined;
}

/**
 * The address behind a ref. Two refs are of one actor if `host` and `uid` are the same. The pools of an
 * actor with replicas are in `replicas`: those that this pool does not know to be gone.
 *
 * @throws {TypeError} if the value is no ref.
 * @example
 * ```ts
 * import { type Actor, type ActorRef, addressOf } from "@dramatis/dramatis";
 *
 * const uidOf = (ref: ActorRef<Actor>): string => addressOf(ref).uid;
 * ```
 */
export function addressOf(ref: ActorRef<Actor>): ActorAddress {
  const target = targetOf(ref);
  if (target === undefined) throw new TypeError(`Expected an ActorRef, got ${String(ref)}`);
  return target.address;
}

function targetOf(value: unknown): RefTarget | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const target = (value as { [TARGET]?: unknown })[TARGET];
  return target instanceof RefTarget ? target : undefined;
}

/** How refs travel: as their address, and are bound to the pool they arrive in. */
export function refExtension(caller: () => Caller): CodecExtension<ActorRef<Actor>> {
  return {
    tag: "ref",
    match: isRef,
    toWire(ref) {
      const { host, pool, uid, generation, replicas } = addressOf(ref);
      const address = [host, pool, uid, generation];
      if (replicas === undefined) return address;
      return [...address, replicas.flatMap(({ host, pool }) => [host, pool])];
    },
    fromWire(data) {
      if (!Array.isArray(data) || data.length < 4 || data.length > 5) {
        throw new TypeError("a ref has four or five fields");
      }
      const [host, pool, uid, generation, replicas] = data;
      if (
        !Number.isSafeInteger(host) || !Number.isSafeInteger(pool) || typeof uid !== "string" ||
        !Number.isSafeInteger(generation)
      ) throw new TypeError("a ref is [host, pool, uid, generation, replicas?]");
      const address = { host, pool, uid, generation };
      const all = data.length === 4 ? address : { ...address, replicas: replicasOf(replicas) };
      return createRef(all, caller());
    },
  };
}

/** The replicas of a ref as they travel: host, pool, host, pool… */
function replicasOf(flat: unknown): PoolAddress[] {
  const isList = Array.isArray(flat) && flat.length > 0 && flat.length % 2 === 0 &&
    flat.length <= 2 * LIMITS.replicas;
  const replicas: PoolAddress[] = [];
  for (let i = 0; isList && i < flat.length; i += 2) {
    const [host, pool] = [flat[i], flat[i + 1]];
    if (Number.isSafeInteger(host) && Number.isSafeInteger(pool)) replicas.push({ host, pool });
  }
  if (isList && replicas.length === flat.length / 2) return replicas;
  throw new TypeError("the replicas of a ref are [host, pool, host, pool, …]");
}
