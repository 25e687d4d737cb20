/** Which values MessagePack carries as they are, and how others join them: extensions. */
import { LIMITS } from "./protocol.ts";

/**
 * A kind of object that travels in its own form: actor refs, device refs. Its values must be
 * immutable: a copy within a pool is the value itself.
 *
 * Plain objects and arrays are never offered to `match`: an extension's value is an instance of a
 * class, or a Proxy that is a function or whose prototype is neither `Object.prototype` nor `null`
 * nor `Array.prototype`.
 */
export interface CodecExtension<T extends object = object> {
  /** The name on the wire; unique within a codec. */
  readonly tag: string;
  /** Whether a value is of this kind. The value may be of type "function". Must not throw. */
  match(value: object): value is T;
  /** The value as data, which is then encoded like any other value. */
  toWire(value: T): unknown;
  /** The value of such data. May throw if the data, which may come from the network, is not right. */
  fromWire(data: unknown): T;
  /** The copy for a call within the pool. @default the value itself */
  copy?(value: T): T;
}

/** Longest string that cannot exceed the 200 UTF-8 bytes past which the decoder uses a TextDecoder. */
const BOM_SAFE_LENGTH = 66;

/**
 * Whether MessagePack gives this string back unchanged: no lone surrogates, and no leading byte
 * order mark where the decoder's TextDecoder would eat it.
 */
export function isWireString(text: string): boolean {
  return text.isWellFormed() && (text.length <= BOM_SAFE_LENGTH || text.charCodeAt(0) !== 0xfeff);
}

/** Up to so many objects are looked up in a list, which beats a Set; more go into a Set. */
const FEW = 16;

/** Leaves room for the frame's own fields. */
const MAX_PLAIN = LIMITS.nodes - 64;

/**
 * Tells plain trees from all other values: null, booleans, numbers, strings, arrays and plain
 * objects, each object once, nested no deeper than the limit. Kept and reused: it allocates nothing
 * for a list of primitives.
 */
export class PlainCheck {
  /** Whether every primitive but a symbol is accepted: in a copy within a pool they stay as they are. */
  readonly #local: boolean;
  readonly #few: (object | undefined)[] = new Array(FEW).fill(undefined);
  #used = 0;
  #many: Set<object> | undefined;
  #count = 0;
  #running = false;

  constructor(local: boolean) {
    this.#local = local;
  }

  /** Whether the value is a plain tree. Runs getters; what they throw is thrown. */
  isPlain(value: unknown): boolean {
    return typeof value === "object" && value !== null ? this.#run(value) : this.#primitive(value);
  }

  /**
   * Whether a list of arguments is a plain tree. The list itself is taken to be an ordinary array
   * without further properties, as rest parameters are.
   */
  isPlainList(list: readonly unknown[]): boolean {
    for (let i = 0; i < list.length; i++) {
      const item = list[i];
      if (typeof item === "object" && item !== null) return this.#run(list);
      if (!this.#primitive(item) || item === undefined && !(i in list)) return false;
    }
    return true;
  }

  /** The same of the lists of a batch: they are many lists of arguments, not parts of one value. */
  isPlainBatch(lists: readonly unknown[]): boolean {
    let count = 0;
    for (const list of lists) {
      if (!Array.isArray(list)) return this.#run(lists);
      count += 1 + list.length;
      for (let i = 0; i < list.length; i++) {
        const item = list[i];
        if (typeof item === "object" && item !== null) return this.#run(lists);
        if (!this.#primitive(item) || item === undefined && !(i in list)) return false;
      }
    }
    return count <= MAX_PLAIN;
  }

  #primitive(value: unknown): boolean {
    switch (typeof value) {
      case "string":
        return this.#local || isWireString(value);
      case "number":
        return value !== 0 || this.#local || 1 / value > 0;
      case "boolean":
        return true;
      case "undefined":
      case "bigint":
        return this.#local;
      default:
        return value === null;
    }
  }

  #run(value: object): boolean {
    // A getter or a Proxy's trap has sent something itself: no second list for so rare a case.
    if (this.#running) return false;
    this.#running = true;
    this.#count = 0;
    try {
      return this.#tree(value, 0);
    } finally {
      this.#running = false;
      this.#few.fill(undefined, 0, this.#used);
      this.#used = 0;
      this.#many = undefined;
    }
  }

  #tree(value: object, depth: number): boolean {
    if (depth >= LIMITS.depth || !this.#first(value)) return false;
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return this.#object(value, depth);
    return prototype === Array.prototype && Array.isArray(value) && this.#array(value, depth);
  }

  #array(list: readonly unknown[], depth: number): boolean {
    const length = list.length;
    // Of the ways to count own properties, this one costs a quarter of `Object.keys`.
    if (length > 0 && Object.values(list).length !== length) return false;
    for (let i = 0; i < length; i++) {
      const item = list[i];
      if (!this.#part(item, depth) || item === undefined && !(i in list)) return false;
    }
    return true;
  }

  #object(value: object, depth: number): boolean {
    for (const key of Object.keys(value)) {
      this.#count++;
      if (key === "__proto__" || !(this.#local || isWireString(key))) return false;
      if (!this.#part((value as Record<string, unknown>)[key], depth)) return false;
    }
    return true;
  }

  #part(value: unknown, depth: number): boolean {
    if (++this.#count > MAX_PLAIN) return false;
    return typeof value === "object" && value !== null
      ? this.#tree(value, depth + 1)
      : this.#primitive(value);
  }

  /** Whether an object is met for the first time. */
  #first(value: object): boolean {
    if (this.#many !== undefined) {
      if (this.#many.has(value)) return false;
      this.#many.add(value);
      return true;
    }
    for (let i = 0; i < this.#used; i++) if (this.#few[i] === value) return false;
    if (this.#used < FEW) {
      this.#few[this.#used++] = value;
    } else {
      this.#many = new Set(this.#few as object[]);
      this.#many.add(value);
    }
    return true;
  }
}
