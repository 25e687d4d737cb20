import { ActorStartError } from "../core/errors.ts";
import type { TypeName } from "../core/protocol.ts";
import { type ActorType, findActorType } from "../actor/actor_type.ts";

/** Finds the class or kernel behind a name by importing its module. */
export class TypeLoader {
  /** By module and export. */
  readonly #types = new Map<string, Map<string, ActorType>>();

  /** A type that has been loaded or registered here. */
  known(name: TypeName): ActorType | undefined {
    return this.#types.get(name.module)?.get(name.export);
  }

  /**
   * Registers a type that is at hand: the module that defines it may still be running, and to import
   * it would wait for that for ever.
   */
  register(type: ActorType): void {
    const { module, export: name } = type.name;
    let types = this.#types.get(module);
    if (types === undefined) this.#types.set(module, types = new Map());
    types.set(name, type);
  }

  /**
   * Imports a type's module.
   *
   * @throws {ActorStartError} in phase `load`, saying what is wrong.
   */
  async load(name: TypeName): Promise<ActorType> {
    const type = findActorType((await importModule(name))[name.export]);
    if (type === undefined || type.name.module !== name.module) {
      throw new ActorStartError(
        `${name.module} does not export ${name.export} as an actor: ` +
          `a class is exported under its own name and decorated with @actor(import.meta), ` +
          `a kernel under the name that it is given: ` +
          `export const ${name.export} = kernel(import.meta, "${name.export}", …)`,
        "load",
      );
    }
    this.register(type);
    return type;
  }
}

async function importModule(name: TypeName): Promise<Record<string, unknown>> {
  try {
    return await import(name.module);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ActorStartError(`Cannot load ${name.export} from ${name.module}: ${reason}`, "load", {
      cause,
    });
  }
}
