/**
 * Prepares WGSL text for tools that know less WGSL than its authors: wgsl_reflect 1.6 refuses
 * directives it does not know, expressions in attributes and some in functions (`a && b.x < f(&c)`),
 * and reads `@workgroup_size(0x40)` silently as 1; Deno refuses `requires` and `enable subgroups`.
 * Lines never move, and no column that a compiler reports.
 */

import { KernelCompileError } from "../src/core/gpu_errors.ts";
import type { Overrides } from "./kernel_spec.ts";
import { type ConstantScope, evaluateConstant } from "./wgsl_constants.ts";

/** WGSL text in the forms that its readers need; all have the same lines. */
export interface PreparedSource {
  /** Without comments and `requires` directives: for the compiler. */
  readonly compilable: string;
  /**
   * Without comments, directives and the bodies of functions, numeric attributes evaluated: for
   * wgsl_reflect.
   */
  readonly reflectable: string;
  /** Names that each function uses, by its own name. */
  readonly uses: ReadonlyMap<string, ReadonlySet<string>>;
  /** Names after `enable`, for example `f16`, `subgroups`. */
  readonly enables: readonly string[];
  /** The module's `override` declarations. */
  readonly overrides: readonly OverrideDeclaration[];
  /** Why the workgroup size of an entry point is not known, by its name; it reads as 1 then. */
  readonly unsized: ReadonlyMap<string, KernelCompileError>;
}

/** A value that is chosen when a pipeline is made. */
export interface OverrideDeclaration {
  readonly name: string;
  /** Under which the pipeline takes its value: its `@id`, else its name. */
  readonly key: string;
  /** Whether the WGSL gives it a value. */
  readonly hasDefault: boolean;
}

/** `text` as blanks, its line breaks kept. */
function blank(text: string): string {
  return text.replace(/[^\n\r]/g, " ");
}

/** Comments become blanks; block comments nest in WGSL. */
function withoutComments(wgsl: string): string {
  let out = "";
  let kept = 0;
  const opener = /\/\/|\/\*/g;
  for (let m = opener.exec(wgsl); m !== null; m = opener.exec(wgsl)) {
    let end: number;
    if (m[0] === "//") {
      end = wgsl.indexOf("\n", m.index);
      if (end < 0) end = wgsl.length;
    } else {
      const edge = /\/\*|\*\//g;
      edge.lastIndex = m.index;
      let depth = 0;
      end = wgsl.length;
      for (let e = edge.exec(wgsl); e !== null; e = edge.exec(wgsl)) {
        depth += e[0] === "/*" ? 1 : -1;
        if (depth === 0) {
          end = edge.lastIndex;
          break;
        }
      }
    }
    out += wgsl.slice(kept, m.index) + blank(wgsl.slice(m.index, end));
    kept = end;
    opener.lastIndex = end;
  }
  return out + wgsl.slice(kept);
}

const DIRECTIVE = /\s*(requires|enable|diagnostic)\b([^;]*);/y;

/** Where the directives at the head of the module end, and what they are. */
function directives(text: string): { kind: string; body: string; start: number; end: number }[] {
  const found = [];
  DIRECTIVE.lastIndex = 0;
  for (let m = DIRECTIVE.exec(text); m !== null; m = DIRECTIVE.exec(text)) {
    found.push({ kind: m[1]!, body: m[2]!, start: m.index, end: DIRECTIVE.lastIndex });
  }
  return found;
}

/** The index after the bracket that closes the one at `open`, or -1. */
export function closing(text: string, open: number): number {
  const opener = text[open];
  const closer = opener === "(" ? ")" : "}";
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === opener) depth++;
    else if (text[i] === closer && --depth === 0) return i + 1;
  }
  return -1;
}

/** The names of the module that a function uses; one that is also used locally may be among them. */
function namesOf(parameters: string, body: string): Set<string> {
  // What follows a dot is a member.
  const names = new Set(body.match(/(?<![\w.])[A-Za-z_]\w*/g));
  for (const [, name] of parameters.matchAll(/([A-Za-z_]\w*)\s*:/g)) names.delete(name!);
  for (const [, name, value] of outermost(body).matchAll(LOCAL)) {
    const uses = new RegExp(`(?<![\\w.])${name}\\b`);
    const first = new RegExp(`\\b(?:let|const|var\\s*(?:<[^>]*>)?)\\s*${name}\\b`).exec(body);
    if (
      first?.index !== undefined && !uses.test(body.slice(0, first.index)) && !uses.test(value!)
    ) {
      names.delete(name!);
    }
  }
  return names;
}

const LOCAL = /\b(?:let|const|var)\s*(?:<[^>]*>)?\s*([A-Za-z_]\w*)\b([^;]*);/g;

/** A function's body without the blocks in it, whose declarations end with them. */
function outermost(body: string): string {
  let out = "";
  let depth = 0;
  for (const c of body) {
    if (c === "{") depth++;
    if (depth === 0) out += c;
    if (c === "}") depth--;
  }
  return out;
}

/** Cuts the bodies out of all functions. A function that never ends is left for the parser to refuse. */
function withoutBodies(text: string): { text: string; uses: Map<string, Set<string>> } {
  const uses = new Map<string, Set<string>>();
  const head = /\bfn\s+([A-Za-z_]\w*)\s*\(/g;
  let out = "";
  let kept = 0;
  for (let m = head.exec(text); m !== null; m = head.exec(text)) {
    const afterParameters = closing(text, head.lastIndex - 1);
    const open = afterParameters < 0 ? -1 : text.indexOf("{", afterParameters);
    const end = open < 0 ? -1 : closing(text, open);
    if (end < 0) break;
    const body = text.slice(open + 1, end - 1);
    uses.set(m[1]!, namesOf(text.slice(head.lastIndex, afterParameters), body));
    out += text.slice(kept, open + 1) + blank(body);
    kept = end - 1;
    head.lastIndex = end;
  }
  return { text: out + text.slice(kept), uses };
}

/** The arguments between top-level commas; an empty one after a trailing comma is left out. */
export function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (i === text.length || (c === "," && depth === 0)) {
      const part = text.slice(start, i).trim();
      if (part !== "") parts.push(part);
      start = i + 1;
    }
  }
  return parts;
}

const NUMERIC_ATTRIBUTE = /@\s*(workgroup_size|group|binding|align|size|id)\s*\(/g;

/** `@workgroup_size(8 * N, 0x4,)` becomes `@workgroup_size(64,4)` for N = 8. */
function withPlainAttributes(
  text: string,
  scope: ConstantScope,
): { text: string; unsized: Map<string, KernelCompileError> } {
  const unsized = new Map<string, KernelCompileError>();
  let out = "";
  let kept = 0;
  NUMERIC_ATTRIBUTE.lastIndex = 0;
  for (let m = NUMERIC_ATTRIBUTE.exec(text); m !== null; m = NUMERIC_ATTRIBUTE.exec(text)) {
    const open = NUMERIC_ATTRIBUTE.lastIndex - 1;
    const end = closing(text, open);
    if (end < 0) break; // the parser says what is wrong with it
    const inside = text.slice(open + 1, end - 1);
    const values = splitArguments(inside).map((part) => {
      try {
        return evaluateConstant(part, scope);
      } catch (cause) {
        const line = text.slice(0, open).split("\n").length;
        const message = `@${m[1]}(${part}): ${(cause as Error).message}`;
        const error = new KernelCompileError(message, [{ line, column: 0, message }], { cause });
        // Another entry point may be the one that is wanted.
        const name = m[1] === "workgroup_size" && /\bfn\s+(\w+)/.exec(text.slice(end))?.[1];
        if (!name) throw error;
        unsized.set(name, error);
        return 1;
      }
    });
    // Line breaks inside the parentheses are kept, columns after them on this line may move.
    const breaks = inside.replace(/[^\n]/g, "");
    out += text.slice(kept, open) + `(${values.join(",")}${breaks})`;
    kept = end;
  }
  return { text: out + text.slice(kept), unsized };
}

/** Values of the module's `const` and `override` declarations, as text, by name. */
function constantsOf(text: string): ConstantScope {
  const found = new Map<string, string | null>();
  const declaration = /\b(const|override)\s+([A-Za-z_]\w*)\s*(?::[^=;]*)?(?:=([^;]*))?;/g;
  for (const m of text.matchAll(declaration)) {
    if (!found.has(m[2]!)) found.set(m[2]!, m[3]?.trim() ?? null);
  }
  return found;
}

/** The module's overrides; their attributes are plain numbers by now. */
function overridesOf(text: string): OverrideDeclaration[] {
  const declaration = /(?:@\s*id\s*\((\d+)\)\s*)?\boverride\s+([A-Za-z_]\w*)\s*(?::[^=;]*)?(=)?/g;
  return [...text.matchAll(declaration)].map(([, id, name, value]) => (
    { name: name!, key: id ?? name!, hasDefault: value !== undefined }
  ));
}

/**
 * Prepares one module.
 *
 * @param wgsl The author's text.
 * @param stripEnables Extensions that the compiler supports but whose `enable` it refuses.
 * @param overrides Values that stand for those of the module's `override` declarations.
 * @throws {KernelCompileError} When an attribute's value cannot be computed, with its line.
 */
export function prepareSource(
  wgsl: string,
  stripEnables: readonly string[] = [],
  overrides: Overrides = {},
): PreparedSource {
  const bare = withoutComments(wgsl);
  let compilable = bare;
  let body = bare;
  const enables: string[] = [];
  for (const { kind, body: list, start, end } of directives(bare)) {
    body = body.slice(0, start) + blank(body.slice(start, end)) + body.slice(end);
    const names = list.split(",").map((name) => name.trim()).filter((name) => name !== "");
    if (kind === "enable") enables.push(...names);
    const kept = names.filter((name) => !stripEnables.includes(name));
    if (kind === "requires" || (kind === "enable" && kept.length < names.length)) {
      const text = bare.slice(start, end);
      const directive = kind === "enable" && kept.length > 0 ? `enable ${kept.join(",")};` : "";
      const blanks = blank(text);
      compilable = compilable.slice(0, start) + blanks.slice(0, text.length - directive.length) +
        directive + compilable.slice(end);
    }
  }
  const { text, uses } = withoutBodies(body);
  const scope = new Map(constantsOf(text));
  for (const [name, value] of Object.entries(overrides)) scope.set(name, String(Number(value)));
  const { text: reflectable, unsized } = withPlainAttributes(text, scope);
  const declared = overridesOf(reflectable);
  return { compilable, reflectable, uses, enables, overrides: declared, unsized };
}
