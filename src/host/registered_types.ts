import { ActorStartError } from "../core/errors.ts";
import type { TypeName } from "../core/protocol.ts";
import { findActorType, formatType } from "../actor/actor_type.ts";

/** The types that other hosts may make actors of: what the modules given at start export. */
export class RegisteredTypes {
  readonly #types = new Map<string, TypeName[]>();

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

  /** Every name, for people. */
  get names(): string[] {
    return [...this.#types.values()].flat().map(formatType);
  }

  /**
   * The type of a name that another host asks for.
   *
   * @throws {ActorStartError} in phase `load` if it is unknown, ambiguous or of another version.
   */
  find(asked: TypeName): TypeName {
    const types = this.#types.get(asked.name);
    if (types === undefined) {
      throw refusal(`has no actor type ${asked.name}; it has: ${this.names.join(", ") || "none"}`);
    }
    const found = types.filter(({ version }) => version === asked.version);
    if (found.length > 1) {
      throw refusal(
        `has several actor types ${asked.name}: give them names by @actor(…, { name })`,
      );
    }
    if (found[0] !== undefined) return found[0];
    const versions = types.map(({ version }) => JSON.stringify(version)).join(", ");
    throw refusal(
      `has ${asked.name} in version ${versions}, not ${JSON.stringify(asked.version)}`,
    );
  }

  #add(url: string, exports: Record<string, unknown>): void {
    const types = Object.values(exports).map(findActorType).filter((type) => type !== undefined);
    if (types.length === 0) {
      throw new TypeError(`Module ${url} exports no actor: decorate a class with @actor`);
    }
    for (const { name } of types) {
      const others = this.#types.get(name.name) ?? [];
      const isKnown = others.some((one) =>
        one.module === name.module && one.export === name.export
      );
      if (!isKnown) this.#types.set(name.name, [...others, name]);
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
    `The other host ${what}. Its modules are given at its start (--modules)`,
    "load",
  );
}
