import type { Actor } from "./actor.ts";
import { ACTOR_TYPE, type ActorClass, BATCHED, classType, REENTRANT } from "./actor_type.ts";

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
    const type = classType(cls as unknown as ActorClass, name);
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
