/** Values as JSON: what comes back is what was sent, and what cannot is refused with its path. */
import assert from "node:assert/strict";
import { NotSerializableError } from "@dramatis/dramatis";
import { fromJson } from "../../../src/host/gateway/from_json.ts";
import { MAX_DEPTH, toJson } from "../../../src/host/gateway/to_json.ts";

const nobody = () => Promise.reject(new Error("nobody is asked for"));
const read = (json: unknown) => fromJson(json, "args", nobody);

const VALUES: Readonly<Record<string, unknown>> = {
  nothing: null,
  text: "a\u0000\ud800é",
  numbers: [0, -0, 1.5, NaN, Infinity, -Infinity, 2 ** 53],
  undefined: [undefined, { a: undefined }],
  bigints: [0n, -(2n ** 200n)],
  dates: [new Date(0), new Date(8.64e15), new Date(NaN)],
  maps: new Map<unknown, unknown>([[{ a: 1 }, new Set([1n, "x"])], [undefined, new Map()]]),
  regexps: /a\/"+/giu,
  arrays: [
    Uint8Array.of(1, 255),
    Float32Array.of(1, NaN, -0, Infinity),
    BigInt64Array.of(-(2n ** 63n)),
    Uint8ClampedArray.of(3),
    Float16Array.of(0.5),
    new Int16Array(),
  ],
  buffers: [Uint8Array.of(7, 8).buffer, new DataView(Uint8Array.of(9).buffer)],
  tagLike: [{ $bigint: "1" }, { $a: { $b: 1 } }, { $a: 1, b: 2 }, { $: 1 }, { $object: { $x: 1 } }],
  hostile: JSON.parse('{"__proto__": {"x": 1}, "constructor": 1, "toString": {"__proto__": null}}'),
};

for (const [name, value] of Object.entries(VALUES)) {
  Deno.test(`toJson, fromJson: ${name} comes back`, async () => {
    const text = JSON.stringify(toJson(value, "value"));
    assert.deepStrictEqual(await read(JSON.parse(text)), value);
  });
}

Deno.test("toJson, fromJson: errors come back without their stack", async () => {
  const error = new RangeError("far", { cause: new TypeError("near") });
  const json = toJson(error, "value");
  assert.deepEqual(json, {
    $error: {
      name: "RangeError",
      message: "far",
      cause: { $error: { name: "TypeError", message: "near" } },
    },
  });
  const back = await read(json);
  assert(back instanceof RangeError && back.cause instanceof TypeError);
  assert.equal(back.message, "far");
  assert.equal(back.stack, undefined);
});

Deno.test("toJson: what JSON cannot have is refused with its path", () => {
  const cycle: Record<string, unknown> = {};
  cycle["list"] = [1, cycle];
  let deep: unknown = 0;
  for (let i = 0; i <= MAX_DEPTH; i++) deep = [deep];
  const bad: [unknown, string][] = [
    [cycle, "value.list[1]"],
    [{ a: [() => {}] }, "value.a[0]"],
    [new Map([["k", Symbol("s")]]), "value.entries()[0][1]"],
    [{ p: Promise.resolve() }, "value.p"],
    [deep, `value${"[0]".repeat(MAX_DEPTH)}`],
  ];
  for (const [value, path] of bad) {
    assert.throws(() => toJson(value, "value"), (error) => {
      assert(error instanceof NotSerializableError);
      assert.equal(error.path, path);
      return true;
    });
  }
});

Deno.test("toJson: a part that is shared is written twice", () => {
  const part = { a: 1 };
  assert.deepEqual(toJson([part, part], "value"), [{ a: 1 }, { a: 1 }]);
});

Deno.test("fromJson: what is no value is refused with its path", async () => {
  let deep: unknown = 0;
  for (let i = 0; i <= MAX_DEPTH; i++) deep = { a: deep };
  const bad: [unknown, string][] = [
    [[{ $what: 1 }], "args[0].$what"],
    [{ $bigint: "1e3" }, "args.$bigint"],
    [{ $bigint: "1".repeat(10_001) }, "args.$bigint"],
    [{ $number: 1 }, "args.$number"],
    [{ $date: "yesterday" }, "args.$date"],
    [{ $map: [[1]] }, "args.$map[0]"],
    [{ $set: {} }, "args.$set"],
    [{ $regexp: ["("] }, "args.$regexp"],
    [{ $bytes: "?" }, "args.$bytes"],
    [{ $Float32Array: ["x"] }, "args.$Float32Array[0]"],
    [{ $BigUint64Array: [1] }, "args.$BigUint64Array[0]"],
    [{ $actor: { uid: "a", host: "zz" } }, "args.$actor.host"],
    [{ $error: { name: 1 } }, "args.$error.name"],
    [{ $object: [] }, "args.$object"],
    [{ $__proto__: 1 }, "args.$__proto__"],
    [deep, `args${".a".repeat(MAX_DEPTH)}`],
  ];
  for (const [json, path] of bad) {
    await assert.rejects(read(json), (error) => {
      assert(error instanceof NotSerializableError, String(error));
      assert.equal(error.path, path);
      return true;
    });
  }
});

Deno.test("fromJson: an actor is looked up once, however often it is named", async () => {
  const asked: string[] = [];
  const ref = Object.freeze({}) as never;
  const json = [{ $actor: "a" }, { $set: [{ $actor: { uid: "a" } }] }, {
    $actor: { uid: "a", host: "0000000000ff" },
  }];
  const [first, set, other] = await fromJson(json, "args", (uid, host) => {
    asked.push(`${uid} ${host}`);
    return Promise.resolve(ref);
  }) as [unknown, Set<unknown>, unknown];
  assert.deepEqual(asked, ["a undefined", "a 255"]);
  assert.equal(first, ref);
  assert(set.has(ref));
  assert.equal(other, ref);
});
