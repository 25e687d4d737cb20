/** JSON to values: the inverse of `to_json.ts`, which has the table. Anybody may have written it. */
import { type HostId, parseHostId } from "../../core/address.ts";
import { fillError, newError } from "../../core/error_wire.ts";
import { NotSerializableError } from "../../core/message_errors.ts";
import type { Actor } from "../../actor/actor.ts";
import type { ActorRef } from "../../actor/ref.ts";
import { MAX_DEPTH } from "./to_json.ts";

/** Finds an actor that a value names; on this host unless it says which. */
export type FindActor = (uid: string, host: HostId | undefined) => Promise<ActorRef<Actor>>;

/**
 * The value that parsed JSON stands for.
 *
 * @param path How the value is called in errors.
 * @throws {NotSerializableError} that names the path, for a tag that is not known or misused, and for
 * what is too deep.
 * @throws what `find` rejects with.
 */
export async function fromJson(json: unknown, path: string, find: FindActor): Promise<unknown> {
  const named: Named[] = [];
  new Reader((actor) => void named.push(actor)).read(json, path, 0);
  const found = new Map<string, ActorRef<Actor>>();
  for (const { uid, host, key } of named) {
    if (!found.has(key)) found.set(key, await find(uid, host));
  }
  return new Reader(({ key }) => found.get(key)).read(json, path, 0);
}

/** An actor as a value names it. */
interface Named {
  readonly uid: string;
  readonly host: HostId | undefined;
  /** The same for the same actor. */
  readonly key: string;
}

/** Reads one value; refs are given by whoever looks them up. */
class Reader {
  readonly #refOf: (actor: Named) => unknown;

  constructor(refOf: (actor: Named) => unknown) {
    this.#refOf = refOf;
  }

  read(json: unknown, path: string, depth: number): unknown {
    if (typeof json !== "object" || json === null) return json;
    if (depth === MAX_DEPTH) throw bad(path, `deeper than ${MAX_DEPTH} levels`);
    if (Array.isArray(json)) {
      return json.map((one, i) => this.read(one, `${path}[${i}]`, depth + 1));
    }
    const keys = Object.keys(json);
    const record = json as Readonly<Record<string, unknown>>;
    if (keys.length === 1 && keys[0]!.startsWith("$")) {
      return this.#tagged(keys[0]!, record[keys[0]!], path, depth);
    }
    return this.#record(record, path, depth);
  }

  /** By definition, not assignment: a key called `__proto__` is one like any other. */
  #record(record: Readonly<Record<string, unknown>>, path: string, depth: number): unknown {
    return Object.fromEntries(
      Object.entries(record).map((
        [key, one],
      ) => [key, this.read(one, `${path}.${key}`, depth + 1)]),
    );
  }

  #tagged(tag: string, json: unknown, path: string, depth: number): unknown {
    const at = `${path}.${tag}`;
    switch (tag) {
      case "$undefined":
        return undefined;
      case "$number":
        return numberOf(json, at);
      case "$bigint":
        return bigintOf(json, at);
      case "$date":
        return json === null ? new Date(NaN) : dateOf(textOf(json, at), at);
      case "$map": {
        const entries = listOf(json, at).map((entry, i) => {
          if (Array.isArray(entry) && entry.length === 2) return entry;
          throw bad(`${at}[${i}]`, "no list of key and value");
        });
        return new Map(this.read(entries, at, depth + 1) as [unknown, unknown][]);
      }
      case "$set":
        return new Set(this.read(listOf(json, at), at, depth + 1) as unknown[]);
      case "$regexp": {
        const [source, flags = ""] = listOf(json, at);
        return regexpOf(textOf(source, `${at}[0]`), textOf(flags, `${at}[1]`), at);
      }
      case "$error":
        return this.#error(recordOf(json, at), at, depth);
      case "$bytes":
        return bytesOf(json, at);
      case "$buffer":
        return bytesOf(json, at).buffer;
      case "$view":
        return new DataView(bytesOf(json, at).buffer);
      case "$actor":
        return this.#refOf(namedOf(json, at));
      case "$object":
        return this.#record(recordOf(json, at), path, depth + 1);
      default:
        return arrayOf(tag, json, path);
    }
  }

  #error(parts: Readonly<Record<string, unknown>>, at: string, depth: number): Error {
    const { name = "Error", message = "", cause } = parts;
    const className = textOf(name, `${at}.name`);
    const error = newError(className);
    fillError(error, {
      name: className,
      message: textOf(message, `${at}.message`),
      stack: undefined,
      hasCause: cause !== undefined,
      cause: this.read(cause, `${at}.cause`, depth + 1),
      hasErrors: false,
      errors: undefined,
      fields: [],
    });
    return error;
  }
}

/** Typed arrays that are lists of numbers. */
const NUMBERS: Readonly<Record<string, { from(items: number[]): unknown }>> = Object.freeze({
  __proto__: null as never,
  $Int8Array: Int8Array,
  $Uint8Array: Uint8Array,
  $Uint8ClampedArray: Uint8ClampedArray,
  $Int16Array: Int16Array,
  $Uint16Array: Uint16Array,
  $Int32Array: Int32Array,
  $Uint32Array: Uint32Array,
  $Float16Array: Float16Array,
  $Float32Array: Float32Array,
  $Float64Array: Float64Array,
});

/** Typed arrays that are lists of BigInts. */
const BIGINTS: Readonly<Record<string, { from(items: bigint[]): unknown }>> = Object.freeze({
  __proto__: null as never,
  $BigInt64Array: BigInt64Array,
  $BigUint64Array: BigUint64Array,
});

function arrayOf(tag: string, json: unknown, path: string): unknown {
  const at = `${path}.${tag}`;
  const numbers = NUMBERS[tag];
  if (numbers !== undefined) {
    return numbers.from(
      listOf(json, at).map((one, i) =>
        typeof one === "number" ? one : numberOf(one, `${at}[${i}]`)
      ),
    );
  }
  const bigints = BIGINTS[tag];
  if (bigints === undefined) {
    throw bad(at, `no value that is known; an object with a key ${tag} is {"$object": …}`);
  }
  return bigints.from(listOf(json, at).map((one, i) => bigintOf(one, `${at}[${i}]`)));
}

/** Numbers that JSON has not. */
const NUMERALS: ReadonlyMap<unknown, number> = new Map([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["-0", -0],
]);

function numberOf(json: unknown, path: string): number {
  const value = NUMERALS.get(json);
  if (value !== undefined) return value;
  throw bad(path, `none of ${[...NUMERALS.keys()].join(", ")}`);
}

/** Digits of a BigInt: to read one takes time that grows with their square. */
const MAX_DIGITS = 10_000;

function bigintOf(json: unknown, path: string): bigint {
  const text = textOf(json, path);
  if (/^-?\d+$/.test(text) && text.length <= MAX_DIGITS) return BigInt(text);
  throw bad(path, `no whole number of up to ${MAX_DIGITS} digits`);
}

function dateOf(text: string, path: string): Date {
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) return date;
  throw bad(path, "no time such as 2026-01-31T00:00:00.000Z");
}

function regexpOf(source: string, flags: string, path: string): RegExp {
  try {
    return new RegExp(source, flags);
  } catch (error) {
    throw bad(path, `no regular expression (${(error as Error).message})`);
  }
}

function bytesOf(json: unknown, path: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(textOf(json, path));
  } catch (error) {
    if (error instanceof NotSerializableError) throw error;
    throw bad(path, "no base64");
  }
}

/** `"uid"`, or `{"uid": …, "host": …}`. */
function namedOf(json: unknown, path: string): Named {
  const { uid, host } = typeof json === "string" ? { uid: json } : recordOf(json, path);
  const id = host === undefined ? undefined : parseHostId(textOf(host, `${path}.host`));
  if (host !== undefined && id === undefined) throw bad(`${path}.host`, "no host's id");
  const name = textOf(uid, `${path}.uid`);
  return { uid: name, host: id, key: `${id ?? ""} ${name}` };
}

function textOf(json: unknown, path: string): string {
  if (typeof json === "string") return json;
  throw bad(path, "no string");
}

function listOf(json: unknown, path: string): readonly unknown[] {
  if (Array.isArray(json)) return json;
  throw bad(path, "no list");
}

function recordOf(json: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) {
    return json as Readonly<Record<string, unknown>>;
  }
  throw bad(path, "no object");
}

function bad(path: string, found: string): NotSerializableError {
  return new NotSerializableError(`Cannot read ${path}: it is ${found}`, path);
}
