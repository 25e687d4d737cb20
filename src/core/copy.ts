/** Copies for calls within one pool: what a value would be on the other side of a link. */
import { detachAll, takeSegments } from "./buffers.ts";
import { GraphBuilder } from "./graph.ts";
import { readGraph } from "./graph_reader.ts";
import { type CodecExtension, PlainCheck } from "./values.ts";

/** Copies a tree that is known to be plain. */
function copyPlain(value: object): object {
  if (Array.isArray(value)) {
    const list: unknown[] = value.slice();
    for (let i = 0; i < list.length; i++) {
      const item = list[i];
      if (typeof item === "object" && item !== null) list[i] = copyPlain(item);
    }
    return list;
  }
  // Not a spread, which would copy symbols too.
  const source = value as Readonly<Record<string, unknown>>;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(source)) {
    const item = source[key];
    copy[key] = typeof item === "object" && item !== null ? copyPlain(item) : item;
  }
  return copy;
}

/**
 * Whether a list of arguments, which is an ordinary array, has primitives only: the commonest case,
 * told without a look at anything else.
 */
function isFlatList(list: object): list is unknown[] {
  if (!Array.isArray(list)) return false;
  for (let i = 0; i < list.length; i++) {
    const item = list[i];
    switch (typeof item) {
      case "object":
        if (item !== null) return false;
        break;
      case "undefined":
        if (!(i in list)) return false;
        break;
      case "function":
      case "symbol":
        return false;
    }
  }
  return true;
}

/** The same of the argument lists of a batch. */
function areFlatLists(lists: object): lists is unknown[][] {
  return Array.isArray(lists) && lists.every((list) => Array.isArray(list) && isFlatList(list));
}

/** Anything else goes through the same table of nodes as on a link, but never becomes bytes. */
function copyGraph(value: unknown, extensions: readonly CodecExtension[], root: string): unknown {
  const { table, segments: uses, detach } = new GraphBuilder(extensions, "local")
    .build(value, root);
  const segments = takeSegments(uses);
  const copy = readGraph(table, { extensions, segments, local: true });
  detachAll(detach);
  return copy;
}

/**
 * Copies a value as a link would, with the same refusals: buffers marked by `transfer` are moved,
 * once everything else has been copied; what is marked by `share`, and a SharedArrayBuffer, is
 * passed by reference; the values of extensions are passed as they are, for they are immutable.
 *
 * `root` is what paths in errors start with: `args` or `result`. `check` may be given to be reused;
 * it must have been made for local values.
 *
 * @throws {NotSerializableError} naming the place inside the value that cannot be copied; nothing
 * has been moved then.
 */
export function copyValue<T>(
  value: T,
  extensions: readonly CodecExtension[],
  root: string,
  check: PlainCheck = new PlainCheck(true),
): T {
  if (typeof value !== "object" || value === null) {
    const travels = typeof value !== "function" && typeof value !== "symbol";
    return travels ? value : copyGraph(value, extensions, root) as T;
  }
  try {
    if (root === "args" && isFlatList(value)) return value.slice() as T;
    if (root === "items" && areFlatLists(value)) return value.map((list) => list.slice()) as T;
    if (check.isPlain(value)) return copyPlain(value) as T;
  } catch {
    // A getter threw, or a Proxy's trap: the other way of copying says where.
  }
  return copyGraph(value, extensions, root) as T;
}
