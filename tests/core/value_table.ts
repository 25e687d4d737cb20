/** The one table of values: what arrives for what was sent, over every link and within a pool. */
import assert from "node:assert/strict";
import { transfer } from "../../src/core/transfer.ts";

/** A value that travels. */
export interface ValueRow {
  readonly name: string;
  /** A fresh value. */
  make(): unknown;
  /** Checks what arrived; without it, it must be deeply equal to another fresh value. */
  check?(arrived: unknown): void;
  /** Travels within one host only. */
  readonly sameHost?: boolean;
}

/** A value that is refused, sent as the only argument. */
export interface RefusedRow {
  readonly name: string;
  make(): unknown;
  /** The path in the error. */
  readonly path: string;
  /** What the message says was found. */
  readonly found: RegExp;
}

/** Checks what arrived for a row. */
export function checkRow(row: ValueRow, arrived: unknown): void {
  if (row.check !== undefined) row.check(arrived);
  else assert.deepEqual(arrived, row.make());
}

class Point {
  #secret = 1;
  constructor(readonly x: number, readonly y: number) {}
  get sum(): number {
    return this.x + this.y + this.#secret;
  }
}

class CustomError extends Error {
  override readonly name = "CustomError";
  constructor(message: string, readonly code: number) {
    super(message);
  }
}

// deno-lint-ignore no-explicit-any -- rows look into values of unknown shape
type Any = any;

function bytes(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => i * 7);
}

function cyclic(): object {
  const a: Record<string, unknown> = { name: "a" };
  a.self = a;
  a.list = [a, { a }];
  return a;
}

function deep(depth: number): unknown {
  let value: unknown = "end";
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

function withFields(error: Error, fields: Record<string, unknown>): Error {
  return Object.assign(error, fields);
}

const primitives: readonly (readonly [string, unknown])[] = [
  ["null", null],
  ["undefined", undefined],
  ["true", true],
  ["false", false],
  ["0", 0],
  ["-0", -0],
  ["1.5", 1.5],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["a small negative integer", -33],
  ["the largest safe integer", Number.MAX_SAFE_INTEGER],
  ["the smallest safe integer", Number.MIN_SAFE_INTEGER],
  ["an integer past the safe ones", 2 ** 60],
  ["the smallest number", Number.MIN_VALUE],
  ["0n", 0n],
  ["a bigint of 64 bits", -(2n ** 63n)],
  ["a large bigint", 3n ** 500n],
  ["a large negative bigint", -(7n ** 300n)],
  ["an empty string", ""],
  ["a string past ASCII", "żółw 🐢 \u0000"],
  ["a long string", "héllo ".repeat(200)],
  ["a long string with a byte order mark", "\ufeff" + "x".repeat(300)],
  ["a lone surrogate", "a\ud800b"],
  ["a lone low surrogate at the end", "a\udc00"],
];

const views: readonly ValueRow[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float16Array,
  Float32Array,
  Float64Array,
].flatMap((type) => [
  { name: `a ${type.name}`, make: () => type.from([0, 1, 2, 100]) },
  { name: `a large ${type.name}`, make: () => new type(6000).fill(9) },
]);

const errors: readonly ValueRow[] = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
].map((type) => ({
  name: `a ${type.name}`,
  make: () => new type("no"),
  check(arrived: Any) {
    assert.ok(Error.isError(arrived));
    assert.equal(Object.getPrototypeOf(arrived), type.prototype);
    assert.equal(arrived.message, "no");
    assert.deepEqual(Object.keys(arrived), []);
    assert.match(arrived.stack ?? "", /value_table/);
  },
}));

/** The values that travel. */
export const VALUES: readonly ValueRow[] = [
  ...primitives.map(([name, value]) => ({ name, make: () => value })),
  { name: "an empty array", make: () => [] },
  { name: "an array of primitives", make: () => [1, "a", true, null] },
  { name: "an array of undefined", make: () => [undefined, 1, undefined] },
  { name: "a sparse array", make: () => [1, , 3, ,] },
  {
    name: "a very sparse array",
    make: () => Object.assign(new Array(4_000_000_000), { 3_999_999_999: 1 }),
    check(arrived: Any) {
      assert.equal(arrived.length, 4_000_000_000);
      assert.deepEqual(Object.keys(arrived), ["3999999999"]);
    },
  },
  {
    name: "an array with a hole and a property",
    make: () => Object.assign([1, , 3], { note: "n" }),
    check(arrived: Any) {
      assert.deepEqual(Object.entries(arrived), [["0", 1], ["2", 3], ["note", "n"]]);
      assert.equal(arrived.length, 3);
    },
  },
  { name: "an array with properties", make: () => Object.assign([1, 2], { index: 5 }) },
  {
    name: "an array of 20,000 numbers",
    make: () => Array.from({ length: 20_000 }, (_, i) => i / 3),
  },
  { name: "an empty object", make: () => ({}) },
  { name: "a plain object", make: () => ({ a: 1, b: { c: ["x", null] }, "odd key": true }) },
  { name: "an object with undefined", make: () => ({ a: undefined, b: 1 }) },
  { name: "an object with indexes as keys", make: () => ({ 2: "b", 1: "a", z: 0 }) },
  { name: "an object with a key of a lone surrogate", make: () => ({ "\ud800": 1, ok: 2 }) },
  {
    name: "an object with an own __proto__",
    make: () => JSON.parse('{"__proto__":{"polluted":1},"a":{"__proto__":2}}'),
    check(arrived: Any) {
      assert.equal(Object.getPrototypeOf(arrived), Object.prototype);
      assert.deepEqual(Object.getOwnPropertyNames(arrived), ["__proto__", "a"]);
      assert.deepEqual(arrived["__proto__"], { polluted: 1 });
      assert.equal(arrived.polluted, undefined);
    },
  },
  {
    name: "an object with constructor and prototype",
    make: () => ({ constructor: { prototype: { x: 1 } }, prototype: 1, toString: 2 }),
  },
  {
    name: "an object without prototype",
    make: () => Object.assign(Object.create(null), { a: 1 }),
    check: (arrived) => assert.deepEqual(arrived, { a: 1 }),
  },
  {
    name: "an object with a symbol as key",
    make: () => ({ a: 1, [Symbol("s")]: 2 }),
    check: (arrived) => assert.deepEqual(arrived, { a: 1 }),
  },
  {
    name: "an object with a getter",
    make: () => ({
      get a() {
        return [1];
      },
    }),
    check: (arrived) => assert.deepEqual(arrived, { a: [1] }),
  },
  {
    name: "an instance of a class",
    make: () => ({ p: new Point(1, 2) }),
    check: (arrived) => assert.deepEqual(arrived, { p: { x: 1, y: 2 } }),
  },
  {
    name: "an arguments object",
    make() {
      return arguments;
    },
    check: (arrived) => assert.deepEqual(Object.keys(arrived as object), []),
  },
  { name: "a tree of depth 50", make: () => deep(50) },
  { name: "a tree of depth 80", make: () => deep(80) },
  {
    name: "an array 100,000 deep",
    make: () => deep(100_000),
    check(arrived: Any) {
      let depth = 0;
      for (; Array.isArray(arrived); depth++) arrived = arrived[0];
      assert.deepEqual([depth, arrived], [100_000, "end"]);
    },
  },
  { name: "a Map", make: () => new Map<unknown, unknown>([["a", 1], [2, { b: 3 }], [null, null]]) },
  { name: "a Map with objects as keys", make: () => new Map([[{ k: 1 }, new Map()]]) },
  { name: "an empty Map in a list", make: () => [new Map()] },
  { name: "a Set", make: () => new Set<unknown>([1, "a", undefined, NaN]) },
  { name: "a Set of Sets", make: () => new Set([new Set([1])]) },
  { name: "a Date", make: () => new Date(86_400_000.0) },
  { name: "a Date before 1970", make: () => new Date(-1) },
  {
    name: "an invalid Date",
    make: () => new Date(NaN),
    check: (arrived) => assert.ok(arrived instanceof Date && Number.isNaN(arrived.getTime())),
  },
  { name: "a RegExp", make: () => /a(b)?[\]\/]/giu },
  { name: "an empty RegExp", make: () => new RegExp("") },
  { name: "a boxed number", make: () => Object(1.5) },
  { name: "a boxed -0", make: () => Object(-0) },
  { name: "a boxed string", make: () => Object("s") },
  { name: "a boxed boolean", make: () => Object(false) },
  { name: "a boxed bigint", make: () => Object(10n ** 30n) },
  ...views,
  { name: "a BigInt64Array", make: () => BigInt64Array.of(-1n, 2n ** 62n) },
  { name: "a BigUint64Array", make: () => BigUint64Array.of(1n, 2n ** 63n) },
  { name: "an empty Uint8Array", make: () => new Uint8Array() },
  { name: "a DataView", make: () => new DataView(bytes(20).buffer) },
  {
    name: "a part of a DataView",
    make: () => new DataView(bytes(20).buffer, 5, 6),
    check(arrived: Any) {
      assert.deepEqual([arrived.byteOffset, arrived.byteLength, arrived.getUint8(0)], [0, 6, 35]);
    },
  },
  { name: "an ArrayBuffer", make: () => bytes(100).buffer },
  { name: "an empty ArrayBuffer", make: () => new ArrayBuffer(0) },
  { name: "a large ArrayBuffer", make: () => bytes(100_000).buffer },
  {
    name: "a resizable ArrayBuffer",
    make: () => new ArrayBuffer(8, { maxByteLength: 16 }),
    check(arrived: Any) {
      assert.deepEqual([arrived.byteLength, arrived.resizable], [8, false]);
    },
  },
  {
    name: "a part of a buffer, as its window only",
    make: () => bytes(1000).subarray(10, 20),
    check(arrived: Any) {
      assert.deepEqual(arrived, bytes(1000).slice(10, 20));
      assert.equal(arrived.buffer.byteLength, 10);
    },
  },
  {
    name: "a large part of a buffer",
    make: () => new Float64Array(bytes(80_000).buffer, 8, 9000),
    check(arrived: Any) {
      assert.deepEqual(arrived, new Float64Array(bytes(80_000).buffer, 8, 9000));
      assert.equal(arrived.byteOffset, 0);
    },
  },
  {
    name: "views on the same whole buffer",
    make() {
      const { buffer } = bytes(16);
      return { buffer, u8: new Uint8Array(buffer), f64: new Float64Array(buffer) };
    },
    check(arrived: Any) {
      assert.equal(arrived.u8.buffer, arrived.buffer);
      assert.equal(arrived.f64.buffer, arrived.buffer);
      assert.deepEqual(arrived.u8, bytes(16));
    },
  },
  {
    name: "a Buffer of node",
    make: () => [new Uint8Array([1, 2, 3])],
    check(arrived: Any) {
      assert.equal(Object.getPrototypeOf(arrived[0]), Uint8Array.prototype);
    },
  },
  ...[100, 100_000].flatMap((size): ValueRow[] => [
    {
      name: `a transferred ArrayBuffer of ${size} bytes`,
      make: () => transfer(bytes(size).buffer),
      check: (arrived) => assert.deepEqual(arrived, bytes(size).buffer),
    },
    {
      name: `a transferred part of ${size} bytes, which keeps its offset`,
      make: () => ({ at: [transfer(bytes(size).subarray(8, 50))] }),
      check(arrived: Any) {
        assert.deepEqual(arrived.at[0], bytes(size).subarray(8, 50));
        assert.equal(arrived.at[0].byteOffset, 8);
      },
    },
  ]),
  {
    name: "a SharedArrayBuffer",
    sameHost: true,
    make: () => new SharedArrayBuffer(8),
    check: (arrived) => assert.ok(arrived instanceof SharedArrayBuffer && arrived.byteLength === 8),
  },
  {
    name: "a part of a SharedArrayBuffer",
    sameHost: true,
    make: () => new Int32Array(new SharedArrayBuffer(32), 8, 2),
    check(arrived: Any) {
      assert.ok(arrived.buffer instanceof SharedArrayBuffer);
      assert.deepEqual([arrived.byteOffset, arrived.length], [8, 2]);
    },
  },
  {
    name: "a cycle",
    make: cyclic,
    check(arrived: Any) {
      assert.equal(arrived.self, arrived);
      assert.equal(arrived.list[0], arrived);
      assert.equal(arrived.list[1].a, arrived);
    },
  },
  {
    name: "an object in two places",
    make() {
      const one = { n: 1 };
      return { a: one, b: [one] };
    },
    check(arrived: Any) {
      assert.deepEqual(arrived, { a: { n: 1 }, b: [{ n: 1 }] });
      assert.equal(arrived.a, arrived.b[0]);
    },
  },
  {
    name: "a Map and a Set that hold themselves",
    make() {
      const map = new Map<unknown, unknown>();
      const set = new Set<unknown>([map]);
      return map.set(map, set).set("set", set.add(set));
    },
    check(arrived: Any) {
      const set = arrived.get("set");
      assert.equal(arrived.get(arrived), set);
      assert.deepEqual([...set], [arrived, set]);
    },
  },
  ...errors,
  {
    name: "an Error without a message",
    make: () => new Error(),
    check: (arrived) => assert.ok(Error.isError(arrived) && !Object.hasOwn(arrived, "message")),
  },
  {
    name: "an Error with fields",
    make: () =>
      withFields(new TypeError("t"), { code: "E", at: new Date(1), m: new Map([[1, 2]]) }),
    check(arrived: Any) {
      assert.deepEqual(Object.entries(arrived), [["code", "E"], ["at", new Date(1)], [
        "m",
        new Map([[1, 2]]),
      ]]);
    },
  },
  {
    name: "an Error with causes",
    make: () => new Error("a", { cause: new RangeError("b", { cause: undefined }) }),
    check(arrived: Any) {
      assert.ok(arrived.cause instanceof RangeError);
      assert.ok(Object.hasOwn(arrived.cause, "cause") && arrived.cause.cause === undefined);
      assert.deepEqual(Object.keys(arrived), []);
    },
  },
  {
    name: "an Error that is its own cause",
    make() {
      const error = new Error("loop");
      error.cause = { error };
      return error;
    },
    check: (arrived: Any) => assert.equal(arrived.cause.error, arrived),
  },
  {
    name: "an AggregateError",
    make: () => new AggregateError([new TypeError("x"), 5], "both"),
    check(arrived: Any) {
      assert.ok(arrived instanceof AggregateError && arrived.errors[0] instanceof TypeError);
      assert.deepEqual([arrived.message, arrived.errors[1]], ["both", 5]);
    },
  },
  {
    name: "an Error of an unknown class",
    make: () => new CustomError("c", 7),
    check(arrived: Any) {
      assert.equal(Object.getPrototypeOf(arrived), Error.prototype);
      assert.deepEqual([arrived.name, arrived.message, arrived.code], ["CustomError", "c", 7]);
    },
  },
  {
    name: "a DOMException",
    make: () => new DOMException("stop", "AbortError"),
    check(arrived: Any) {
      assert.ok(Error.isError(arrived));
      assert.deepEqual([arrived.name, arrived.message], ["AbortError", "stop"]);
    },
  },
  {
    name: "an Error with fields that cannot travel",
    make: () => withFields(new Error("e"), { f: () => 1, o: { p: Promise.resolve(), n: 1 } }),
    check(arrived: Any) {
      assert.equal(arrived.f, "[function]");
      assert.deepEqual(arrived.o, { p: "[Promise]", n: 1 });
    },
  },
  {
    name: "many kinds together",
    make: () => ({
      list: [1n, undefined, new Set(["a"]), new Uint8Array(5000), [new Date(7), /x/]],
      map: new Map([[{ deep: new Map([[1, -0]]) }, new Float16Array([1.5])]]),
    }),
  },
];

function throwing(): object {
  return {
    get bad(): never {
      throw new Error("getter");
    },
  };
}

function* generator(): Generator<number> {
  yield 1;
}

function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(8);
  buffer.transfer();
  return buffer;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** The values that are refused, over every link and within a pool. */
export const REFUSED: readonly RefusedRow[] = [
  { name: "a function", make: () => () => 1, path: "args[0]", found: /a function/ },
  {
    name: "a function in a list",
    make: () => ({ a: { list: [1, 2, 3, () => 1] } }),
    path: "args[0].a.list[3]",
    found: /a function/,
  },
  {
    name: "a function under an odd key",
    make: () => ({ "odd key": { "1": isNaN } }),
    path: 'args[0]["odd key"][1]',
    found: /a function/,
  },
  { name: "a class", make: () => [Point], path: "args[0][0]", found: /a function/ },
  { name: "a symbol", make: () => ({ s: Symbol("s") }), path: "args[0].s", found: /a symbol/ },
  {
    name: "a value of a Map",
    make: () => new Map([["k", isNaN]]),
    path: 'args[0].get("k")',
    found: /a function/,
  },
  {
    name: "a key of a Map",
    make: () => new Map<unknown, number>([[1, 1], [2, 2], [isNaN, 3]]),
    path: "args[0].keys()[2]",
    found: /a function/,
  },
  {
    name: "a value of a Map under an object",
    make: () => new Map([[{}, { f: isNaN }]]),
    path: "args[0].values()[0].f",
    found: /a function/,
  },
  {
    name: "a member of a Set",
    make: () => new Set([1, isNaN]),
    path: "args[0].values()[1]",
    found: /a function/,
  },
  {
    name: "a property of a sparse array",
    make: () => Object.assign([1, , 2], { f: isNaN }),
    path: "args[0].f",
    found: /a function/,
  },
  { name: "a Promise", make: () => [Promise.resolve(1)], path: "args[0][0]", found: /a Promise/ },
  { name: "a WeakMap", make: () => new WeakMap(), path: "args[0]", found: /a WeakMap/ },
  { name: "a WeakSet", make: () => new WeakSet(), path: "args[0]", found: /a WeakSet/ },
  { name: "a WeakRef", make: () => new WeakRef({}), path: "args[0]", found: /a WeakRef/ },
  { name: "a Generator", make: () => generator(), path: "args[0]", found: /a Generator/ },
  { name: "a Blob", make: () => ({ b: new Blob(["x"]) }), path: "args[0].b", found: /a Blob/ },
  { name: "a URL", make: () => new URL("http://x/"), path: "args[0]", found: /URL/ },
  {
    name: "a ReadableStream",
    make: () => new ReadableStream(),
    path: "args[0]",
    found: /a ReadableStream/,
  },
  {
    name: "an AbortSignal",
    make: () => AbortSignal.abort(),
    path: "args[0]",
    found: /an AbortSignal/,
  },
  {
    name: "what calls itself a GPUBuffer",
    make: () => ({
      out: new (class {
        readonly [Symbol.toStringTag] = "GPUBuffer";
      })(),
    }),
    path: "args[0].out",
    found: /a GPUBuffer; GPU objects never leave/,
  },
  {
    name: "a GPUBuffer, which has no tag of its own",
    make: () => ({ deep: [Object.create(GPUBuffer.prototype)] }),
    path: "args[0].deep[0]",
    found: /a GPUBuffer; GPU objects never leave/,
  },
  {
    name: "what only calls itself a Map",
    make: () => Object.create(Map.prototype),
    path: "args[0]",
    found: /a Map/,
  },
  { name: "a boxed symbol", make: () => Object(Symbol()), path: "args[0]", found: /a Symbol/ },
  { name: "a Proxy of a function", make: () => new Proxy(isNaN, {}), path: "args[0]", found: /./ },
  { name: "a revoked Proxy", make: () => ({ p: revoked() }), path: "args[0].p", found: /read/ },
  { name: "a getter that throws", make: throwing, path: "args[0].bad", found: /cannot be read/ },
  { name: "a detached buffer", make: detached, path: "args[0]", found: /a detached ArrayBuffer/ },
  {
    name: "a function beside an error that also has it",
    make() {
      const shared = { f: isNaN };
      return [withFields(new Error("e"), { shared }), { shared }];
    },
    path: "args[0][1].shared.f",
    found: /a function/,
  },
];
