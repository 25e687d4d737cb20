import type { Actor } from "./actor.ts";
import {
  ACTOR_TYPE,
  type ActorClass,
  BATCHED,
  classType,
  READ_ONLY,
  REENTRANT,
  SLOW_CALL_MS,
} from "./actor_type.ts";

/** How a class is named across hosts. */
export interface ActorOptions {
  /**
   * The type's name on other hosts.
   * @default the name of the export
   */
  name?: string;
  /**
   * Two hosts make actors of each other's type only if the versions are equal.
   * @default ""
   */
  version?: string;
  /**
   * Milliseconds after which a call of its actors that runs or waits is reported as slow; `Infinity`
   * is never. A method of its own mind has `@slowCallMs`.
   * @default the host's `debug.slowCallMs`
   */
  slowCallMs?: number;
}

/**
 * Names a class across threads and hosts, so that an actor of it can be made anywhere: by its
 * module's URL and the name it is exported under, which must be the class's own name.
 *
 * @param meta The module's `import.meta`.
 * @example
 * ```ts
 * import { Actor, actor } from "@dramatis/dramatis";
 *
 * @actor(import.meta, { name: "shop.Cart", version: "2" })
 * export class Cart extends Actor {
 *   add(_item: string): void {}
 * }
 * ```
 */
export function actor(
  meta: ImportMeta,
  options: ActorOptions = {},
): <P extends never[], A extends Actor>(
  cls: new (...args: P) => A,
  context: ClassDecoratorContext,
) => void {
  return (cls, context) => {
    if (context.name === undefined) {
      throw new TypeError(`@actor needs a named class in ${meta.url}: export class Name extends …`);
    }
    const name = {
      module: meta.url,
      export: context.name,
      name: options.name ?? context.name,
      version: options.version ?? "",
    };
    const { slowCallMs } = options;
    if (slowCallMs !== undefined) checkSlowCallMs(slowCallMs, `@actor on ${context.name}`);
    const type = classType(cls as unknown as ActorClass, name, slowCallMs);
    Object.defineProperty(cls, ACTOR_TYPE, { value: type });
  };
}

/**
 * Lets a method run at once, without waiting for the running message: for reads of state that is
 * always consistent, for health checks, and for answers in a call cycle.
 *
 * @example
 * ```ts
 * import { Actor, actor, reentrant } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Job extends Actor {
 *   #done = 0;
 *   @reentrant
 *   progress(): number {
 *     return this.#done;
 *   }
 * }
 * ```
 */
export function reentrant(
  method: (...args: never[]) => unknown,
  _context: ClassMethodDecoratorContext,
): void {
  Object.defineProperty(method, REENTRANT, { value: true });
}

/**
 * Says when a method is slow: a call of it that runs or waits for longer is reported, once. The host's
 * `debug.slowCallMs` says so for all methods.
 *
 * @param ms Milliseconds; `Infinity` for a method that may take for ever, as one that waits for news.
 * @throws {RangeError} if it is no such number.
 * @example
 * ```ts
 * import { Actor, actor, slowCallMs } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Model extends Actor {
 *   @slowCallMs(60_000)
 *   async train(_steps: number): Promise<void> {}
 * }
 * ```
 */
export function slowCallMs(
  ms: number,
): (method: (...args: never[]) => unknown, context: ClassMethodDecoratorContext) => void {
  return (method, context) => {
    checkSlowCallMs(ms, `@slowCallMs on ${String(context.name)}`);
    Object.defineProperty(method, SLOW_CALL_MS, { value: ms });
  };
}

function checkSlowCallMs(ms: number, where: string): void {
  if (typeof ms === "number" && ms > 0) return;
  throw new RangeError(`${where}: slowCallMs is a number of milliseconds above 0, got ${ms}`);
}

/**
 * Says that a method changes nothing: messages of such methods run beside each other, but not beside
 * those of others. Who waits first is first: one that writes and waits holds up those that come after
 * it, however much they only read.
 *
 * @example
 * ```ts
 * import { Actor, actor, readOnly } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Index extends Actor {
 *   readonly #rows = new Map<string, string>();
 *   @readOnly
 *   async find(key: string): Promise<string | undefined> {
 *     return await Promise.resolve(this.#rows.get(key)); // others read meanwhile
 *   }
 *   put(key: string, row: string): void {
 *     this.#rows.set(key, row);
 *   }
 * }
 * ```
 */
export function readOnly(
  method: (...args: never[]) => unknown,
  _context: ClassMethodDecoratorContext,
): void {
  Object.defineProperty(method, READ_ONLY, { value: true });
}

/**
 * Makes a method the handler of another one's batches: `ref.add.batch([[1], [2]])` calls it once, with
 * the list of argument lists, and it returns the list of results, one for each.
 *
 * @param method The name of the method whose batches it takes.
 * @example
 * ```ts
 * import { Actor, actor, batched } from "@dramatis/dramatis";
 *
 * @actor(import.meta)
 * export class Store extends Actor {
 *   readonly #rows = new Map<string, number>();
 *   put(key: string, value: number): number {
 *     return this.putAll([[key, value]])[0]!;
 *   }
 *   @batched("put")
 *   putAll(rows: [string, number][]): number[] {
 *     return rows.map(([key, value]) => this.#rows.set(key, value).size);
 *   }
 * }
 * ```
 */
export function batched(
  method: string,
): <A extends unknown[], R>(
  handler: (calls: A[]) => R[] | Promise<R[]>,
  context: ClassMethodDecoratorContext,
) => void {
  return (handler) => {
    Object.defineProperty(handler, BATCHED, { value: method });
  };
}
