import type { Actor } from "../actor/actor.ts";
import { ACTOR_TYPE, type ActorFactory, type ActorType } from "../actor/actor_type.ts";

/** Which of several types with one name. */
export interface RegisteredTypeOptions {
  /**
   * The one that `@actor(import.meta, { version })` gave it.
   * @default ""
   */
  version?: string;
}

/**
 * A type of actors by its name alone, for programs that cannot load its module, such as web pages. A host
 * that was started with that module makes them.
 *
 * @example
 * ```ts ignore
 * import { connect, registeredType } from "@dramatis/dramatis/browser";
 * import type { Counter } from "./counter.ts";
 *
 * const client = await connect("wss://example.org:7300", { token });
 * const counter = await client.createActor(registeredType<Counter, [start: number]>("Counter"), [10]);
 * console.log(await counter.add(1));
 * ```
 */
export function registeredType<A extends Actor, P extends unknown[] = unknown[]>(
  name: string,
  { version = "" }: RegisteredTypeOptions = {},
): ActorFactory<A, P> {
  const type: ActorType = {
    name: { module: "", export: name, name, version },
    home: "cpu",
    methods: new Map(),
    create: () => {
      throw new TypeError(`${name} is known here by its name alone: a host makes its actors`);
    },
  };
  return { [ACTOR_TYPE]: type } as ActorFactory<A, P>;
}
