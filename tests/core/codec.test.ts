import assert from "node:assert/strict";
import { Encoder, ExtData } from "@msgpack/msgpack";
import { Codec, FrameWriter, readFrames } from "../../src/core/codec.ts";
import { NotSerializableError } from "../../src/core/message_errors.ts";
import { ProtocolError } from "../../src/core/host_errors.ts";
import {
  type CallFrame,
  type Frame,
  FRAME_KINDS,
  HEADER_BYTES,
  LIMITS,
  type RawFrame,
} from "../../src/core/protocol.ts";
import { transfer } from "../../src/core/transfer.ts";
import type { CodecExtension } from "../../src/core/values.ts";
import { call, HERE, THERE, through } from "./codec_helpers.ts";
import { sampleFrames } from "./frames.ts";

const codec = new Codec();
const FIXTURES = new URL("../fixtures/frames/v1/", import.meta.url);
/** Set to write the golden frames anew, after a change of the protocol's version. */
const UPDATE = "DRAMATIS_UPDATE_GOLDEN";

function bytesOf(...frames: Frame[]): Uint8Array<ArrayBuffer> {
  const writer = new FrameWriter(codec, "inline");
  for (const frame of frames) writer.write(frame);
  return writer.take().bytes;
}

function hexLines(bytes: Uint8Array): string {
  return bytes.toHex().replace(/.{64}/g, "$&\n").trimEnd() + "\n";
}

/** A frame with this body, whatever it is, under the header of a call. */
function forged(body: Uint8Array, kind: Frame["kind"] = "call"): Uint8Array<ArrayBuffer> {
  const header = bytesOf({ kind: "ping", id: 1, to: THERE, from: HERE }).subarray(0, HEADER_BYTES);
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  bytes.set(header);
  bytes.set(body, HEADER_BYTES);
  new DataView(bytes.buffer).setUint32(0, bytes.length, true);
  bytes[4] = FRAME_KINDS.indexOf(kind);
  return bytes;
}

function read(bytes: Uint8Array, trusted = false): Frame[] {
  return readFrames(bytes, "inline", trusted).map((raw) => codec.decode(raw));
}

function packed(value: unknown): Uint8Array {
  return new Encoder({ maxDepth: 300 }).encode(value);
}

const TYPE = { module: "m", export: "E", name: "E", version: "1" };
const MAILBOX = { messages: 1, bytes: 1, overflow: "reject" };

/** A call whose arguments are this table. */
function table(root: unknown, nodes: unknown): Uint8Array<ArrayBuffer> {
  return forged(packed(["u", "m", new ExtData(1, packed([root, nodes]))]));
}

Deno.test("codec: every kind has a golden frame, read and written the same", () => {
  const samples = sampleFrames();
  for (const kind of FRAME_KINDS.slice(1)) assert.ok(kind in samples, kind);
  for (const [name, frame] of Object.entries(samples)) {
    const file = new URL(`${name}.hex`, FIXTURES);
    const bytes = bytesOf(frame);
    if (Deno.env.has(UPDATE)) Deno.writeTextFileSync(file, hexLines(bytes));
    const golden = Deno.readTextFileSync(file);
    assert.equal(hexLines(bytes), golden, `${name} is written otherwise than before`);
    const stored = Uint8Array.fromHex(golden.replaceAll("\n", ""));
    const [decoded] = read(stored);
    assert.deepEqual(decoded, sampleFrames()[name], name);
    assert.deepEqual(bytesOf(decoded!), stored, `${name} is not written as it was read`);
  }
});

Deno.test("codec: a batch keeps order, headers and names", () => {
  const frames = Object.values(sampleFrames());
  for (const mode of ["inline", "aside"] as const) {
    const writer = new FrameWriter(codec, mode);
    for (const frame of frames) writer.write(frame);
    assert.equal(writer.frames, frames.length);
    const pending = writer.byteLength;
    const { bytes, segments } = writer.take();
    assert.equal(bytes.length, pending);
    assert.equal(bytes.buffer.byteLength, pending);
    assert.deepEqual([writer.byteLength, writer.frames], [0, 0]);
    const raws = readFrames(bytes, mode === "inline" ? "inline" : segments, false);
    assert.deepEqual(raws.map((raw) => codec.decode(raw)), Object.values(sampleFrames()));
  }
});

Deno.test("FrameWriter: batches past its first buffer are whole", () => {
  const writer = new FrameWriter(codec, "inline");
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 5000; i++) writer.write(call([i, "x".repeat(i % 50)]));
    const frames = readFrames(writer.take().bytes, "inline", false);
    assert.equal(frames.length, 5000);
    assert.deepEqual((codec.decode(frames[4999]!) as CallFrame).args[0], 4999);
  }
});

Deno.test("FrameWriter: a refused frame leaves the writer and the value as they were", () => {
  for (const mode of ["inline", "aside"] as const) {
    const writer = new FrameWriter(codec, mode);
    writer.write(call([1, new Uint8Array(9000)]));
    const before = [writer.byteLength, writer.frames];
    const moved = new Uint8Array(9000);
    assert.throws(() => writer.write(call([transfer(moved), { f: isNaN }])), NotSerializableError);
    assert.throws(() => writer.write(call([Symbol()])), NotSerializableError);
    assert.throws(() => writer.write({ ...call([]), uid: "u".repeat(513) }), { path: "uid" });
    assert.deepEqual([writer.byteLength, writer.frames], before);
    assert.ok(!moved.buffer.detached);
    writer.write(call([2]));
    const { bytes, segments } = writer.take();
    const frames = readFrames(bytes, mode === "inline" ? "inline" : segments, false);
    assert.deepEqual(frames.map((raw) => (codec.decode(raw) as CallFrame).args[0]), [1, 2]);
  }
});

Deno.test("FrameWriter: a body past the limit of a frame is refused", () => {
  const writer = new FrameWriter(codec, "inline");
  const text = "x".repeat(LIMITS.frameBytes / 2);
  assert.throws(() => writer.write(call([text, text])), { name: "NotSerializableError" });
  assert.deepEqual([writer.byteLength, writer.frames], [0, 0]);
});

Deno.test("FrameWriter: a value of too many parts is refused", () => {
  const writer = new FrameWriter(codec, "aside");
  const list = new Array(LIMITS.nodes + 1).fill(0);
  assert.throws(() => writer.write(call([list])), {
    name: "NotSerializableError",
    path: /args\[0\]/,
  });
});

Deno.test("FrameWriter.forward: adds a hop, keeps body and segments", () => {
  for (const from of ["inline", "aside"] as const) {
    for (const to of ["inline", "aside"] as const) {
      const first = new FrameWriter(codec, from);
      first.write(call([new Uint8Array(9000).fill(1), new Float64Array(2000).fill(2)]));
      const sent = first.take();
      let [raw] = readFrames(sent.bytes, from === "inline" ? "inline" : sent.segments, false);
      const second = new FrameWriter(codec, to);
      second.forward(raw!);
      const { bytes, segments } = second.take();
      [raw] = readFrames(bytes, to === "inline" ? "inline" : segments, false);
      assert.equal(raw!.hops, 1);
      assert.deepEqual(
        codec.decode(raw!),
        call([
          new Uint8Array(9000).fill(1),
          new Float64Array(2000).fill(2),
        ]),
      );
    }
  }
});

Deno.test("FrameWriter.forward: refuses what has gone too far, and shared memory going out", () => {
  const writer = new FrameWriter(codec, "inline");
  const [raw] = readFrames(bytesOf(call([])), "inline", true) as [RawFrame];
  assert.throws(() => writer.forward({ ...raw, hops: LIMITS.hops }), ProtocolError);
  const shared = { ...raw, segments: [new SharedArrayBuffer(8)] };
  assert.throws(() => writer.forward(shared), NotSerializableError);
  assert.deepEqual([writer.byteLength, writer.frames], [0, 0]);
});

class Ref {
  constructor(readonly data: unknown) {}
}

const refs: CodecExtension<Ref> = {
  tag: "ref",
  match: (value): value is Ref => value instanceof Ref,
  toWire: (value) => value.data,
  fromWire(data) {
    if (data === "bad") throw new RangeError("not a ref");
    return new Ref(data);
  },
};

Deno.test("extensions: travel anywhere in a value, once each, with any data", () => {
  const extended = new Codec([refs]);
  const inner = new Ref({ uid: "a", more: new Map([[1, undefined]]), bytes: new Uint8Array(9000) });
  const outer = new Ref([inner, inner, { n: 1 }]);
  const sent = call([outer, { again: outer, inner }, new Map([[inner, 1]])]);
  for (const mode of ["inline", "aside"] as const) {
    const { args } = through(extended, sent, mode, false) as CallFrame;
    assert.deepEqual(args, sent.args);
    const [got, { again, inner: alone }, map] = args as [
      Ref,
      { again: Ref; inner: Ref },
      Map<Ref, 1>,
    ];
    assert.ok(got instanceof Ref && got === again && map.has(alone));
    const list = got.data as Ref[];
    assert.equal(list[0], list[1]);
  }
});

Deno.test("extensions: functions and proxies are offered to match", () => {
  const data = new WeakMap<object, string>();
  const proxies: CodecExtension = {
    tag: "proxy",
    match: (value): value is object => data.has(value),
    toWire: (value) => data.get(value),
    fromWire: (value) => ({ value }),
  };
  const proxy = new Proxy(() => 1, {});
  data.set(proxy, "p");
  const { args } = through(
    new Codec([proxies]),
    call([proxy, [proxy]]),
    "inline",
    false,
  ) as CallFrame;
  assert.deepEqual(args, [{ value: "p" }, [{ value: "p" }]]);
});

Deno.test("extensions: data that cannot travel is refused at the place of its value", () => {
  const writer = new FrameWriter(new Codec([refs]), "aside");
  const refused = (value: unknown) =>
    assert.throws(() => writer.write(call([1, { r: value }])), {
      name: "NotSerializableError",
      path: "args[1].r",
    });
  refused(new Ref({ f: isNaN }));
  refused(new Ref(isNaN));
  let nested = new Ref(0);
  for (let i = 0; i < 20; i++) nested = new Ref([nested]);
  refused(nested);
  writer.write(call([new Ref({ fine: true })]));
});

Deno.test("FrameWriter: more buffers than a frame may have segments still travel", () => {
  const make = () => Array.from({ length: LIMITS.segments + 5 }, () => new Uint8Array(4100));
  for (const mode of ["inline", "aside"] as const) {
    const sent = make();
    sent[LIMITS.segments + 2] = transfer(sent[LIMITS.segments + 2]!);
    const { args } = through(codec, call([sent]), mode, false) as CallFrame;
    assert.equal((args[0] as Uint8Array[]).length, sent.length);
    assert.equal((args[0] as Uint8Array[]).at(-3)!.byteLength, 4100);
  }
});

Deno.test("decode: small lists and names are read as the decoder reads them", () => {
  const long = "m".repeat(40);
  const args = [[], [127], [128], [-1, -32], [-33], [null, true, false], new Array(15).fill(1), [
    [],
  ]];
  for (const list of args) {
    for (
      const [uid, method] of [["u", "m"], ["", long], ["żółw", "m"], [long, "add"], ["u", "é"]]
    ) {
      const sent = { ...call(list), uid: uid!, method: method! };
      for (let twice = 0; twice < 2; twice++) {
        assert.deepEqual(through(codec, sent, "inline", false), sent);
      }
    }
  }
});

Deno.test("extensions: what fromWire throws, and an unknown tag, is a ProtocolError", () => {
  const bytes = new FrameWriter(new Codec([refs]), "inline");
  bytes.write(call([new Ref("bad")]));
  const [raw] = readFrames(bytes.take().bytes, "inline", false);
  assert.throws(() => new Codec([refs]).decode(raw!), {
    name: "ProtocolError",
    message: /not a ref/,
  });
  assert.throws(() => codec.decode(raw!), { name: "ProtocolError", message: /extension "ref"/ });
});

Deno.test("readFrames: a header out of its limits is a ProtocolError", () => {
  const good = bytesOf(call([1]));
  const cases: [string, number, number][] = [
    ["kind 0", 4, 0],
    ["an unknown kind", 4, FRAME_KINDS.length],
    ["hops", 5, LIMITS.hops + 1],
    ["segments that are not there", 6, 1],
    ["too many segments", 7, 0xff],
    ["reserved bytes", 14, 1],
    ["a length past the end", 0, good[0]! + 1],
    ["a length before the end", 0, good[0]! - 1],
    ["a length within the header", 0, 31],
  ];
  for (const [what, offset, value] of cases) {
    const bytes = good.slice();
    bytes[offset] = value;
    for (const trusted of [true, false]) {
      assert.throws(() => read(bytes, trusted), ProtocolError, what);
    }
  }
  for (let cut = 1; cut < good.length; cut++) {
    assert.throws(() => read(good.subarray(0, cut)), ProtocolError);
  }
  assert.deepEqual(read(new Uint8Array()), []);
  assert.throws(() => readFrames(good, [new ArrayBuffer(1)], true), ProtocolError);
});

Deno.test("decode: a field of the wrong type is a ProtocolError that names it", () => {
  const cases: [Frame["kind"], unknown[], RegExp][] = [
    ["call", [1, "m", []], /uid/],
    ["call", ["u", null, []], /method/],
    ["call", ["u", "m", { 0: 1 }], /args/],
    ["call", ["u", "m", 1], /args/],
    ["call", ["u".repeat(LIMITS.nameLength + 1), "m", []], /uid/],
    ["call", ["u", "m"], /fields/i],
    ["call", ["u", "m", [], 1], /terms/],
    ["call", ["u", "m", [], ["1", 0, null]], /budget/],
    ["call", ["u", "m", [], [null, 0.5, null]], /priority/],
    ["call", ["u", "m", [], [null, 0, "chain"]], /chain/],
    ["call", ["u", "m", [], [null, 0, null], 1], /fields/i],
    ["batch", ["u", "m", [1]], /items/],
    ["items", [1], /items/],
    ["credit", [-1], /count/],
    ["end", [1, null], /failed/],
    ["ping", [1], /fields/i],
    ["destroy", ["u", 1], /kill/],
    ["create", ["u", -1, {}, {}, []], /generation/],
    ["create", ["u", 1, TYPE, {}, []], /options.mailbox/],
    ["create", ["u", 1, TYPE, { mailbox: { ...MAILBOX, bytes: -1 } }, []], /mailbox.bytes/],
    ["create", ["u", 1, TYPE, { mailbox: { ...MAILBOX, messages: "9" } }, []], /mailbox.messages/],
    ["create", ["u", 1, TYPE, { mailbox: { ...MAILBOX, overflow: "wait" } }, []], /overflow/],
    ["create", ["u", 1, TYPE, { mailbox: MAILBOX, chain: [1] }, []], /options.chain/],
    ["create", ["u", 1, {}, {}, []], /type.module/],
    ["down", [2 ** 48, null, null], /host/],
    ["down", [1, 2 ** 16, null], /pool/],
    ["hello", ["1", {}], /version/],
    ["hello", [1, { id: 1, address: 5, pools: [] }], /host.address/],
    ["hello", [1, { id: 1, address: null, pools: [{ kind: "cow" }] }], /host.pools\[0\].kind/],
    ["pools", [{}], /pools/],
    ["hosts", [[-1], []], /gone/],
    ["hosts", [[], [{ host: { id: 1, address: null, pools: [] }, via: [1, 2, 3, 4, 5] }]], /known/],
    ["goodbye", ["ended", null, null], /reason/],
    ["goodbye", ["left", "", null], /code/],
  ];
  for (const [kind, body, message] of cases) {
    for (const trusted of [true, false]) {
      assert.throws(() => read(forged(packed(body), kind), trusted), {
        name: "ProtocolError",
        message,
      });
    }
  }
});

Deno.test("readFrames: claims of the network are checked before anything is made of them", () => {
  const claims: [string, number[]][] = [
    ["array32", [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ["array32 of 16 M", [0x93, 0xa0, 0xa0, 0xdd, 0x01, 0, 0, 0]],
    ["array16", [0xdc, 0xff, 0xff]],
    ["map32", [0x93, 0xa0, 0xa0, 0xdf, 0x7f, 0xff, 0xff, 0xff]],
    ["nested", [0x93, 0xa0, 0xa0, ...new Array(200).fill([0xdc, 0, 100]).flat()]],
    ["str32", [0x93, 0xa0, 0xa0, 0xdb, 0xff, 0xff, 0xff, 0xff]],
    ["bin32", [0x93, 0xa0, 0xa0, 0xc6, 0xff, 0xff, 0xff, 0xff]],
    ["bytes outside a table", [0x93, 0xa0, 0xa0, 0x91, 0xc4, 1, 1]],
    ["ext32", [0x93, 0xa0, 0xa0, 0xc9, 0xff, 0xff, 0xff, 0xff, 1]],
    ["another ext type", [0x93, 0xa0, 0xa0, 0xd4, 2, 0]],
    ["a timestamp", [0x93, 0xa0, 0xa0, 0xd6, 0xff, 0, 0, 0, 0]],
    ["an ext in the place of the uid", [0x93, 0xc7, 0, 1, 0xa0, 0x90]],
    ["an ext inside the arguments", [0x93, 0xa0, 0xa0, 0x91, 0xc7, 0, 1]],
    ["a number as key", [0x93, 0xa0, 0xa0, 0x91, 0x81, 1, 1]],
    ["__proto__ as key", [
      0x93,
      0xa0,
      0xa0,
      0x91,
      0x81,
      0xa9,
      ...new TextEncoder().encode("__proto__"),
      0x80,
    ]],
    ["the byte that is never used", [0xc1]],
    ["more than one value", [0x93, 0xa0, 0xa0, 0x90, 0x90]],
    ["nothing", []],
  ];
  // Of this isolate alone: others of the process run other tests.
  const used = () => {
    const { heapUsed, external } = Deno.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  for (const [what, body] of claims) {
    assert.throws(() => read(forged(new Uint8Array(body))), ProtocolError, what);
  }
  let nested: unknown = [];
  for (let i = 0; i < 100; i++) nested = [nested];
  assert.throws(() => read(forged(packed(["u", "m", nested]))), ProtocolError);
  assert.ok(used() - before < 2 ** 28);
});

Deno.test("decode: every index, type, length and segment of a table is checked", () => {
  const wrong: [string, unknown, unknown][] = [
    ["no nodes", [0], null],
    ["a root past the end", [1], [[4]]],
    ["a negative root", [-1], [[4]]],
    ["a root that is a fraction", [0.5], [[4]]],
    ["an unknown type", [0], [[99]]],
    ["a node that is no list", [0], [5]],
    ["an empty node", [0], [[]]],
    ["a reference past the end", [0], [[4, [7]]]],
    ["a part of two numbers", [0], [[4, [0, 0]]]],
    ["an object with an odd part", [0], [[6, "a"]]],
    ["a key that is a number", [0], [[6, 1, 2]]],
    ["a map with an odd part", [0], [[7, 1]]],
    ["a bigint that is none", [0], [[2, "xyz"]]],
    ["a string of odd bytes", [0], [[3, new Uint8Array(3)]]],
    ["a date of a text", [0], [[9, "now"]]],
    ["a bad pattern", [0], [[10, "(", ""]]],
    ["bad flags", [0], [[10, "a", "zz"]]],
    ["a boxed null", [0], [[11, null]]],
    ["bytes that are none", [0], [[12, 1]]],
    ["a segment that is not there", [0], [[13, 0]]],
    ["a view without buffer", [0], [[14, 2, null, 0, 1]]],
    ["a view before its buffer", [0], [[14, 2, [1], 0, 1], [12, new Uint8Array(4)]]],
    ["a view past its buffer", [1], [[12, new Uint8Array(4)], [14, 2, [0], 0, 5]]],
    ["a view off its alignment", [1], [[12, new Uint8Array(8)], [14, 5, [0], 1, 1]]],
    ["a view of an unknown kind", [1], [[12, new Uint8Array(8)], [14, 13, [0], 0, 1]]],
    ["a short error", [0], [[15, "Error", "Error"]]],
    ["an error with a number as name", [0], [[
      15,
      "Error",
      5,
      null,
      null,
      false,
      null,
      false,
      null,
    ]]],
    ["a reference by value", [0], [[17, 1]]],
    ["a sparse array too long", [0], [[5, 2 ** 32]]],
    ["a sparse array's length", [0], [[5, 3, "length", 5]]],
    ["an unknown extension", [0], [[16, "none", null, 0]]],
    ["a map in a node", [0], [[4, { a: 1 }]]],
  ];
  for (const [what, root, nodes] of wrong) {
    assert.throws(() => read(table(root, nodes)), ProtocolError, what);
    assert.throws(() => read(table(root, nodes), true), ProtocolError, `${what}, trusted`);
  }
  const good = read(table([0], [[4, [1]], [12, new Uint8Array([5])]]))[0] as CallFrame;
  assert.deepEqual(good.args, [new Uint8Array([5]).buffer]);
});

Deno.test("decode: a claimed length of a sparse array reserves nothing", () => {
  const nodes: unknown[] = [[4]];
  for (let i = 1; i <= 2000; i++) {
    (nodes[0] as unknown[]).push([i]);
    nodes.push([5, 30_000_000]);
  }
  const [frame] = read(table([0], nodes)) as [CallFrame];
  assert.equal((frame.args[1999] as unknown[]).length, 30_000_000);
});

Deno.test("decode: hostile names are own properties and nothing more", () => {
  const names = ["__proto__", "constructor", "prototype", "toString"];
  const nodes = [[4, [1]], [6, ...names.flatMap((name) => [name, [2]])], [6, "polluted", 1]];
  const [frame] = read(table([0], nodes)) as [CallFrame];
  const [value] = frame.args as [Record<string, unknown>];
  assert.deepEqual(Object.keys(value), names);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal((value as { polluted?: unknown }).polluted, undefined);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

Deno.test("codec: names that are kept from the message before belong to no other message", () => {
  const long = "n".repeat(64);
  const terms = { budgetMs: null, priority: 3, chain: null };
  const frames: Frame[] = [
    { ...call([1]), uid: "a", method: "run" },
    { ...call([2]), uid: "a", method: "run" },
    { ...call([undefined, "x"]), uid: "a", method: "run" },
    { ...call([3]), uid: "a", method: "runs" },
    { ...call([4]), uid: "ab", method: "run" },
    { ...call([5]), uid: "ab", method: "run", terms },
    { ...call([6]), uid: "ab", method: "run" },
    { ...call([new Map([[1, 2]])]), uid: "ab", method: "run" },
    { ...call([7]), uid: long, method: long },
    { ...call([8]), uid: long, method: long },
    { ...call([9]), uid: long + "n", method: long },
    { ...call([10]), uid: "\u00e4", method: "run" },
    { ...call([11]), uid: "\u00e4", method: "run" },
    { ...call([12]), uid: "a", method: "run" },
  ];
  assert.deepEqual(read(bytesOf(...frames)), frames);
});
