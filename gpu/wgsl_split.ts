/**
 * WGSL for dispatches past WebGPU's limit of workgroups: a variant of a module whose entry point
 * runs in chunks and sees the ids and counts of the whole.
 */

import { closing, prepareSource, splitArguments } from "./wgsl_source.ts";

/** WebGPU runs nothing, and says nothing, past this many workgroups in one dimension. */
export const MAX_WORKGROUPS = 65_535;

/** A place that a binding takes. */
export interface BindingPlace {
  readonly group: number;
  readonly binding: number;
}

/** A module that runs in chunks. */
export interface SplitSource {
  /** The same lines as the author's. */
  readonly wgsl: string;
  /**
   * The name of its uniform, of three `vec4u`: the chunk's first workgroup, its first invocation, and
   * the workgroups of the whole.
   */
  readonly chunk: string;
}

/** What has to be added to a builtin in a chunk, by the row of the uniform; `=`: what it is. */
const CHANGED: Readonly<Record<string, readonly ["+" | "=", row: number]>> = {
  workgroup_id: ["+", 0],
  global_invocation_id: ["+", 1],
  num_workgroups: ["=", 2],
};

/** Builtins that are the same in a chunk. */
const UNCHANGED = /^(local_invocation_(id|index)|subgroup_\w+|num_subgroups)$/;

/** A parameter or a member of a struct. */
interface Declared {
  readonly name: string;
  readonly type: string;
  readonly builtin: string | null;
}

/** `@builtin(b) name: type` */
function declared(text: string): Declared | null {
  const m = /^((?:@\s*\w+\s*(?:\([^)]*\))?\s*)*)([A-Za-z_]\w*)\s*:\s*(.+)$/s.exec(text.trim());
  if (m === null) return null;
  const builtin = /@\s*builtin\s*\(\s*(\w+)[\s,]*\)/.exec(m[1]!)?.[1] ?? null;
  return { name: m[2]!, type: m[3]!.trim(), builtin };
}

/** The members of a struct by name, through aliases; `null` when there is no such struct. */
function membersOf(text: string, type: string): (Declared | null)[] | null {
  const alias = new RegExp(`\\balias\\s+${type}\\s*=\\s*(\\w+)\\s*;`).exec(text)?.[1];
  if (alias !== undefined && alias !== type) return membersOf(text, alias);
  const head = new RegExp(`\\bstruct\\s+${type}\\s*\\{`).exec(text);
  if (head === null) return null;
  const open = head.index + head[0].length - 1;
  return splitArguments(text.slice(open + 1, closing(text, open) - 1)).map(declared);
}

/** The statement that makes `target` of a chunk what it is of the whole. */
function correction(target: string, builtin: string, chunk: string): string | null {
  const change = CHANGED[builtin];
  if (change !== undefined) {
    const [operator, row] = change;
    return `${target} ${operator === "+" ? "+=" : "="} ${chunk}[${row}].xyz;`;
  }
  return UNCHANGED.test(builtin) ? "" : null;
}

/**
 * Rewrites one entry point. Its parameters get other names; variables with theirs hold the ids of
 * the whole. Functions that it calls get ids from it alone and stay as they are.
 *
 * @param taken The places of all the module's bindings.
 * @returns `null` when the entry point has a builtin that is not known here.
 */
export function splitSource(
  wgsl: string,
  entry: string,
  taken: readonly BindingPlace[],
): SplitSource | null {
  const text = prepareSource(wgsl).compilable;
  const free = (stem: string) => {
    let name = stem;
    while (new RegExp(`\\b${name}`).test(text)) name += "_";
    return name;
  };
  const chunk = free("chunk_");
  const prefix = free("part_");
  const head = new RegExp(`\\bfn\\s+${entry}\\s*\\(`).exec(text);
  if (head === null) return null;
  const open = head.index + head[0].length - 1;
  const end = closing(text, open);
  const body = text.indexOf("{", end) + 1;
  if (end < 0 || body === 0) return null;
  let parameters = text.slice(open + 1, end - 1);
  let prologue = "";
  for (const parameter of splitArguments(parameters).map(declared)) {
    if (parameter === null) return null;
    const { name, type, builtin } = parameter;
    const fields = builtin !== null ? [{ ...parameter, name: "" }] : membersOf(text, type);
    if (fields === null) return null;
    const corrections = fields.map((field) =>
      field === null || field.builtin === null
        ? null
        : correction(field.name === "" ? name : `${name}.${field.name}`, field.builtin, chunk)
    );
    if (corrections.includes(null)) return null;
    prologue += ` var ${name} = ${prefix}${name}; ${corrections.join(" ")}`;
    const at = new RegExp(`(?<![\\w@(])${name}(?=\\s*:)`);
    parameters = parameters.replace(at, `${prefix}${name}`);
  }
  let binding = 0;
  while (taken.some((place) => place.group === 0 && place.binding === binding)) binding++;
  const uniform = `@group(0) @binding(${binding}) var<uniform> ${chunk}: array<vec4<u32>, 3>;`;
  return {
    wgsl: text.slice(0, open + 1) + parameters + text.slice(end - 1, body) + prologue +
      text.slice(body) + `\n${uniform}\n`,
    chunk,
  };
}

/** Where the chunks of one dimension start, and their lengths. */
function chunksOf(count: number): { start: number; length: number }[] {
  const parts = Math.ceil(count / MAX_WORKGROUPS);
  const length = Math.ceil(count / parts);
  return Array.from({ length: parts }, (_, i) => {
    const start = i * length;
    return { start, length: Math.min(length, count - start) };
  });
}

/** One dispatch of a split one. */
export interface Chunk {
  readonly workgroups: readonly [number, number, number];
  /** The bytes of the uniform. */
  readonly uniform: Uint8Array<ArrayBuffer>;
}

/** Cuts a grid of workgroups into chunks that WebGPU runs, in the order of their ids. */
export function splitGrid(
  [x, y, z]: readonly [number, number, number],
  size: readonly [number, number, number],
): Chunk[] {
  const chunks: Chunk[] = [];
  for (const inZ of chunksOf(z)) {
    for (const inY of chunksOf(y)) {
      for (const inX of chunksOf(x)) {
        const start = [inX.start, inY.start, inZ.start];
        const threads = start.map((n, i) => n * size[i]!);
        const uniform = Uint32Array.of(...start, 0, ...threads, 0, x, y, z, 0);
        chunks.push({
          workgroups: [inX.length, inY.length, inZ.length],
          uniform: new Uint8Array(uniform.buffer),
        });
      }
    }
  }
  return chunks;
}
