/**
 * Values as JSON. What JSON has is itself; of the rest each is an object with one key that begins with
 * `$` and says what it is. `from_json.ts` reads them back.
 *
 * | value | as JSON |
 * |---|---|
 * | `undefined` | `{"$undefined": true}` |
 * | `NaN`, `Infinity`, `-Infinity`, `-0` | `{"$number": "NaN"}` |
 * | BigInt | `{"$bigint": "12"}` |
 * | Date | `{"$date": "2026-01-31T00:00:00.000Z"}`, an invalid one `{"$date": null}` |
 * | Map, Set | `{"$map": [[key, value]]}`, `{"$set": [value]}` |
 * | RegExp | `{"$regexp": ["a+", "g"]}` |
 * | Error | `{"$error": {"name": "RangeError", "message": "…"}}`, with `cause` if it has one |
 * | Uint8Array, ArrayBuffer, DataView | `{"$bytes": base64}`, `{"$buffer": base64}`, `{"$view": base64}` |
 * | other typed arrays | `{"$Float32Array": [1, 2.5]}`, BigInt ones with strings |
 * | a ref to an actor | `{"$actor": {"uid": "c1", "host": "00f3a91b22c4"}}` |
 * | an object with one key that begins with `$` | `{"$object": {"$key": value}}` |
 */
import { formatHostId } from "../../core/address.ts";
import { classify, tagOf, unbox } from "../../core/classify.ts";
import { NotSerializableError } from "../../core/message_errors.ts";
import { BufferRef } from "../../actor/buffer_ref.ts";
import { DeviceRef } from "../../actor/device_ref.ts";
import { addressOf, isRef } from "../../actor/ref.ts";
import { RemoteStream } from "../../actor/remote_stream.ts";

/** What `JSON.stringify` takes. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** Values inside values: more is a mistake or an attack, and would overflow the stack. */
export const MAX_DEPTH = 256;

/**
 * A value as JSON. A part that is shared is written where it is met each time.
 *
 * @param path How the value is called in errors.
 * @throws {NotSerializableError} that names the path, for cycles and for what stays on its host.
 */
export function toJson(value: unknown, path: string): Json {
  return new Writer().write(value, path);
}

/** Frees what an answer holds that nobody will get: its DeviceRefs and streams. */
export function letGo(value: unknown, depth: number = MAX_DEPTH): void {
  if (typeof value !== "object" || value === null || depth === 0) return;
  if (value instanceof RemoteStream) return value.drop();
  if (value instanceof DeviceRef) return value.dispose();
  if (isRef(value) || ArrayBuffer.isView(value)) return;
  const parts = value instanceof Map
    ? value.values()
    : value instanceof Set
    ? value
    : Object.values(value);
  for (const part of parts) letGo(part, depth - 1);
}

class Writer {
  /** What the value that is being written is inside of. */
  readonly #around: object[] = [];

  write(value: unknown, path: string): Json {
    switch (typeof value) {
      case "string":
      case "boolean":
        return value;
      case "number":
        return Number.isFinite(value) && !Object.is(value, -0)
          ? value
          : { $number: numeral(value) };
      case "bigint":
        return { $bigint: String(value) };
      case "undefined":
        return { $undefined: true };
      case "object":
        return value === null ? null : this.#object(value, path);
      default:
        throw refusal(path, `a ${typeof value}`);
    }
  }

  #object(value: object, path: string): Json {
    if (isRef(value)) {
      const { uid, host } = addressOf(value);
      return { $actor: { uid, host: formatHostId(host) } };
    }
    if (value instanceof DeviceRef) {
      throw refusal(path, "an array on a device", "call `compute`, which reads it");
    }
    if (value instanceof RemoteStream) throw refusal(path, "a stream", "return it by itself");
    if (value instanceof BufferRef) throw refusal(path, "a buffer's ref");
    if (this.#around.includes(value)) throw refusal(path, "an object that it is inside of");
    if (this.#around.length === MAX_DEPTH) throw refusal(path, `deeper than ${MAX_DEPTH} levels`);
    this.#around.push(value);
    try {
      return this.#parts(value, path);
    } finally {
      this.#around.pop();
    }
  }

  #parts(value: object, path: string): Json {
    const kind = classify(value);
    switch (kind) {
      case "array":
        return Array.from(value as unknown[], (item, i) => this.write(item, `${path}[${i}]`));
      case "object":
        return this.#record(value, path);
      case "map": {
        const entries = [...value as Map<unknown, unknown>];
        return { $map: this.#list(entries, `${path}.entries()`) };
      }
      case "set":
        return { $set: this.#list([...value as Set<unknown>], `${path}.values()`) };
      case "date": {
        const time = (value as Date).getTime();
        return { $date: Number.isNaN(time) ? null : new Date(time).toISOString() };
      }
      case "regexp":
        return { $regexp: [(value as RegExp).source, (value as RegExp).flags] };
      case "boxed":
        return this.write(unbox(value), path);
      case "error": {
        const { name, message, cause } = value as Error;
        const parts = { name: String(name), message: String(message) };
        if (cause === undefined) return { $error: parts };
        return { $error: { ...parts, cause: this.write(cause, `${path}.cause`) } };
      }
      case "buffer":
      case "shared":
        return { $buffer: base64(new Uint8Array(value as ArrayBuffer)) };
      case "view":
        return viewOf(value as ArrayBufferView);
      case "other":
        throw refusal(path, `a ${tagOf(value)}`);
      default:
        return kind satisfies never;
    }
  }

  #list(items: readonly unknown[], path: string): Json {
    return items.map((item, i) => this.write(item, `${path}[${i}]`));
  }

  #record(value: object, path: string): Json {
    const entries = Object.entries(value).map(([key, part]): [string, Json] => [
      key,
      this.write(part, `${path}.${key}`),
    ]);
    const record = Object.fromEntries(entries);
    return entries.length === 1 && entries[0]![0].startsWith("$") ? { $object: record } : record;
  }
}

function viewOf(view: ArrayBufferView): Json {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  if (view instanceof DataView) return { $view: base64(bytes) };
  if (view instanceof Uint8Array) return { $bytes: base64(bytes) };
  const items = Array.from(view as unknown as ArrayLike<number | bigint>, (item): Json => {
    if (typeof item === "bigint") return String(item);
    return Number.isFinite(item) && !Object.is(item, -0) ? item : numeral(item);
  });
  return { [`$${tagOf(view)}`]: items };
}

/** A number that JSON has not. */
function numeral(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function base64(bytes: Uint8Array): string {
  // Memory that is shared cannot be read in one go.
  return (bytes.buffer instanceof SharedArrayBuffer ? bytes.slice() : bytes).toBase64();
}

function refusal(path: string, found: string, advice?: string): NotSerializableError {
  const hint = advice === undefined ? "" : `; ${advice}`;
  return new NotSerializableError(`JSON cannot have ${path}: it is ${found}${hint}`, path);
}
