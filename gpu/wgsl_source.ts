/**
 * Prepares WGSL text for tools that know less WGSL than its authors: wgsl_reflect 1.6 refuses
 * directives it does not know, expressions in attributes and some in functions (`a && b.x < f(&c)`),
 * and reads `@workgroup_size(0x40)` silently as 1; Deno refuses `requires` and `enable subgroups`.
 * Lines never move, and no column that a compiler reports.
 */

import { KernelCompileError } from "../src/core/errors.ts";
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
function closing(text: string, open: number): number {
  const opener = text[open];
  const closer = opener === "(" ? ")" : "}";
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === opener) depth++;
    else if (text[i] === closer && --depth === 0) return i + 1;
  }
  return -1;
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
    uses.set(m[1]!, new Set(body.match(/[A-Za-z_]\w*/g)));
    out += text.slice(kept, open + 1) + blank(body);
    kept = end - 1;
    head.lastIndex = end;
  }
  return { text: out + text.slice(kept), uses };
}

/** The arguments between top-level commas; an empty one after a trailing comma is left out. */
function splitArguments(text: string): string[] {
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

const NUMERIC_ATTRIBUTE = /@\s*(workgroup_size|group|binding|align|size)\s*\(/g;

/** `@workgroup_size(8 * N, 0x4,)` becomes `@workgroup_size(64,4)` for N = 8. */
function withPlainAttributes(text: string, scope: ConstantScope): string {
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
        throw new KernelCompileError(message, [{ line, column: 0, message }], { cause });
      }
    });
    // Line breaks inside the parentheses are kept, columns after them on this line may move.
    const breaks = inside.replace(/[^\n]/g, "");
    out += text.slice(kept, open) + `(${values.join(",")}${breaks})`;
    kept = end;
  }
  return out + text.slice(kept);
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

/**
 * Prepares one module.
 *
 * @param wgsl The author's text.
 * @param stripEnables Extensions that the compiler supports but whose `enable` it refuses.
 * @throws {KernelCompileError} When an attribute's value cannot be computed, with its line.
 */
export function prepareSource(
  wgsl: string,
  stripEnables: readonly string[] = [],
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
  return { compilable, reflectable: withPlainAttributes(text, constantsOf(text)), uses, enables };
}
