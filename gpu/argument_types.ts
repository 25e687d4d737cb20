/** TypeScript types for a kernel's arguments, written from its WGSL. */

import type { ModuleInterface } from "./reflection.ts";
import { arrayNameOf, type Scalar } from "./typed_array.ts";
import { typeName, type WgslType } from "./wgsl_types.ts";

/** `sum_blocks` becomes `SumBlocks`. */
function pascal(name: string): string {
  return name.split(/[^A-Za-z0-9]+/).filter((part) => part !== "")
    .map((part) => part[0]!.toUpperCase() + part.slice(1)).join("");
}

function listOf(length: number, scalar: Scalar): string {
  const items = new Array(length).fill("number").join(", ");
  return `readonly [${items}] | ${arrayNameOf(scalar)}`;
}

/** The type of a plain value; names the structs that it needs. */
function valueType(type: WgslType, structs: Map<string, WgslType>): string {
  switch (type.kind) {
    case "scalar":
      return "number";
    case "vector":
      return listOf(type.width, type.scalar);
    case "matrix":
      return `readonly number[] | readonly (readonly number[])[] | ${arrayNameOf(type.scalar)}`;
    case "array": {
      if (type.element.kind === "scalar") {
        return `readonly number[] | ${arrayNameOf(type.element.scalar)}`;
      }
      const element = valueType(type.element, structs);
      return `readonly ${/[ |]/.test(element) ? `(${element})` : element}[]`;
    }
    case "struct":
      structs.set(type.name, type);
      return pascal(type.name);
    default:
      return type satisfies never;
  }
}

/** The struct that an array holds, or that a binding is. */
function structOf(type: WgslType): WgslType | null {
  if (type.kind === "array") return structOf(type.element);
  return type.kind === "struct" ? type : null;
}

/**
 * An interface for the arguments, one for every struct, and the names of the results, to give to
 * `kernel<Args, Out>`.
 *
 * @param name The kernel's name.
 */
export function argumentTypes(name: string, { bindings }: ModuleInterface): string {
  const structs = new Map<string, WgslType>();
  const title = pascal(name);
  const lines = [`/** The arguments of ${name}. */`, `export interface ${title}Args {`];
  for (const { name: binding, role, type, dtype } of bindings) {
    const access = role === "storage-read-write" ? "read_write " : "";
    const struct = role === "uniform" ? null : structOf(type);
    const hint = struct === null ? "" : `; see \`await bindingLayout(wgsl, "${binding}")\``;
    if (struct !== null) valueType(struct, structs);
    lines.push(`  /** ${role === "uniform" ? "uniform " : access}${typeName(type)}${hint} */`);
    lines.push(
      `  ${binding}: ${role === "uniform" ? valueType(type, structs) : arrayNameOf(dtype)};`,
    );
  }
  lines.push("}", "");
  const results = bindings.filter(({ role }) => role === "storage-read-write")
    .map((binding) => `"${binding.name}"`).join(" | ") || "never";
  lines.push(`/** The results of ${name}. */`, `export type ${title}Out = ${results};`);
  // A map grows while it is walked: structs inside structs come after them.
  for (const type of structs.values()) {
    if (type.kind !== "struct") continue;
    lines.push(
      "",
      `/** \`${type.name}\` of ${name}. */`,
      `export interface ${pascal(type.name)} {`,
    );
    for (const field of type.fields) {
      lines.push(`  ${field.name}: ${valueType(field.type, structs)};`);
    }
    lines.push("}");
  }
  return lines.join("\n") + "\n";
}

/** Whether two texts have the same declarations, however a formatter has laid them out. */
export function sameTypes(one: string, other: string): boolean {
  return bare(one) === bare(other);
}

/** Without white space, and without what formatters add where they break lines. */
function bare(text: string): string {
  return text.replace(/\s+/g, "").replace(/,(?=[\])}])/g, "").replace(/(?<=[=:(])\|/g, "");
}
