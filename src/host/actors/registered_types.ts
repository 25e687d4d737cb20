import { ActorStartError } from "../../core/errors.ts";
import type { TypeName } from "../../core/protocol.ts";
import { type ActorType, findActorType, formatType } from "../../actor/actor_type.ts";

/** A type that may be made from outside. */
export type RegisteredType = Pick<ActorType, "name" | "home">;

/** The types that other hosts may make actors of: what the modules given at start export. */
export class RegisteredTypes {
  readonly #types = new Map<string, RegisteredType[]>();

  /**
   * Imports modules and registers every actor class and kernel that they export.
   *
   * @throws {TypeError} if a module cannot be loaded or exports no actor.
   */
  static async load(modules: readonly string[]): Promise<RegisteredTypes> {
    const types = new RegisteredTypes();
    for (const url of modules) types.#add(url, await importModule(url));
    return types;
  }

  /** All of them. */
  get all(): RegisteredType[] {
    return [...this.#types.values()].flat();
  }

  /** Every name, for people. */
  get names(): string[] {
    return this.all.map(({ name }) => formatType(name));
  }

  /**
   * The type of a name that another host asks for.
   *
   * @throws {ActorStartError} in phase `load` if it is unknown, ambiguous or of another version.
   */
  find(asked: TypeName): TypeName {
    return this.registered(asked).name;
  }

  /**
   * The same, with where its actors are at home.
   *
   * @throws {ActorStartError} likewise.
   */
  registered(asked: Pick<TypeName, "name" | "version">): RegisteredType {
    const types = this.#types.get(asked.name);
    if (types === undefined) {
      throw refusal(`has no actor type ${asked.name}; it has: ${this.names.join(", ") || "none"}`);
    }
    const found = types.filter(({ name }) => name.version === asked.version);
    if (found.length > 1) {
      throw refusal(
        `has several actor types ${asked.name}: give them names by @actor(…, { name })`,
      );
    }
    if (found[0] !== undefined) return found[0];
    const versions = types.map(({ name }) => JSON.stringify(name.version)).join(", ");
    throw refusal(
      `has ${asked.name} in version ${versions}, not ${JSON.stringify(asked.version)}`,
    );
  }

  #add(url: string, exports: Record<string, unknown>): void {
    const types = Object.values(exports).map(findActorType).filter((type) => type !== undefined);
    if (types.length === 0) {
      throw new TypeError(`Module ${url} exports no actor: decorate a class with @actor`);
    }
    for (const { name, home } of types) {
      const others = this.#types.get(name.name) ?? [];
      const isKnown = others.some((one) =>
        one.name.module === name.module && one.name.export === name.export
      );
      if (!isKnown) this.#types.set(name.name, [...others, { name, home }]);
    }
  }
}

async function importModule(url: string): Promise<Record<string, unknown>> {
  try {
    return await import(url);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`Cannot load module ${url}: ${reason}`, { cause });
  }
}

function refusal(what: string): ActorStartError {
  return new ActorStartError(
    `The host that was to make it ${what}. Its modules are given at its start (--modules)`,
    "load",
  );
}
