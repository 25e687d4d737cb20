/** Why a value cannot travel, and where in it the reason is. */
import { NotSerializableError } from "./message_errors.ts";
import { NODE, type NodeRef } from "./nodes.ts";

/** Thrown inside the codec where a value is refused; becomes a NotSerializableError with its path. */
export class Refusal extends Error {
  constructor(
    /** For people: `a function`, `a Promise`. */
    readonly found: string,
    /** What to do instead. */
    readonly advice: string,
    options?: ErrorOptions,
  ) {
    super(found, options);
  }
}

/** Whatever was thrown while a value was walked: a getter, a Proxy's trap, an extension. */
export function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal("a value that cannot be read", "see the cause", { cause: error });
}

const ADVICE: Readonly<Record<string, string>> = Object.freeze({
  __proto__: null as never,
  function: "pass data, or a ref to an actor whose method does it",
  symbol: "pass a string instead",
  Promise: "await it first",
  AsyncFunction: "pass data, or a ref to an actor whose method does it",
  Generator: "collect its items into an array first, or make the method a stream",
  AsyncGenerator: "collect its items into an array first, or make the method a stream",
  Blob: "pass the bytes of `await blob.arrayBuffer()` instead",
  File: "pass the bytes of `await file.arrayBuffer()` instead",
  Request: "pass its url, headers and body as data",
  Response: "pass its status, headers and body as data",
  URL: "pass its `href` instead",
  URLSearchParams: "pass `String(params)` instead",
  Headers: "pass `[...headers]` instead",
  WeakMap: "use a Map",
  WeakSet: "use a Set",
  WeakRef: "pass what `deref()` gives",
});

/** The refusal of a value by what it is: a type of `typeof`, or an object's tag. */
export function refuseKind(kind: string): Refusal {
  if (kind.startsWith("GPU")) {
    return new Refusal(`a ${kind}`, "GPU objects never leave their pool: pass a DeviceRef instead");
  }
  const advice = ADVICE[kind] ?? "pass plain data, a byte buffer or a ref to an actor instead";
  return new Refusal(/^[AEIOU]/.test(kind) ? `an ${kind}` : `a ${kind}`, advice);
}

/** A path past so many characters is cut in its middle. */
const MAX_PATH = 240;

/** `.name`, `[3]` or `["odd name"]`. */
function property(key: unknown): string {
  const text = typeof key === "string" ? key : "?";
  // Not a constant: to make it takes a millisecond, which each worker would need to start.
  const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;
  if (identifier.test(text)) return `.${text}`;
  return /^(0|[1-9]\d*)$/.test(text) ? `[${text}]` : `[${JSON.stringify(text)}]`;
}

/** The step from a node to its part at a position. */
function step(node: readonly unknown[], position: number): string {
  switch (node[0]) {
    case NODE.array:
      return `[${position - 1}]`;
    case NODE.sparse:
      return property(node[position - 1]);
    case NODE.object:
      return property(node[position - 1]);
    case NODE.set:
      return `.values()[${position - 1}]`;
    case NODE.map: {
      if (position % 2 === 1) return `.keys()[${(position - 1) / 2}]`;
      const key = node[position - 1];
      const simple = typeof key !== "object" || key === null;
      return simple ? `.get(${JSON.stringify(key) ?? key})` : `.values()[${position / 2 - 1}]`;
    }
    default:
      return "";
  }
}

/** The place of the part that was about to be added to node `at`, -1 for the root. */
export function pathTo(
  root: string,
  nodes: readonly (readonly unknown[])[],
  refs: readonly NodeRef[],
  parents: readonly number[],
  at: number,
): string {
  const steps: string[] = [];
  let position = at < 0 ? 0 : nodes[at]!.length;
  while (at >= 0) {
    steps.push(step(nodes[at]!, position));
    const ref = refs[at];
    at = parents[at]!;
    if (at >= 0) position = nodes[at]!.indexOf(ref);
  }
  const path = root + steps.reverse().join("");
  if (path.length <= MAX_PATH) return path;
  return `${path.slice(0, MAX_PATH / 2)}…${path.slice(-MAX_PATH / 2)}`;
}

/** The error for the user. */
export function notSerializable(path: string, refusal: Refusal): NotSerializableError {
  const options = refusal.cause === undefined ? undefined : { cause: refusal.cause };
  const message = `Cannot send ${path}: it is ${refusal.found}; ${refusal.advice}`;
  return new NotSerializableError(message, path, options);
}
