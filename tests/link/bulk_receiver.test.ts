/** What a receiver of parts takes, and what ends the link. */
import assert from "node:assert/strict";
import { ProtocolError } from "../../src/core/host_errors.ts";
import { header, message, withClient } from "./websocket_helpers.ts";

const PART = 256 * 1024;
const MIB = 2 ** 20, GIB = 2 ** 30;
/** The largest head. */
const HEAD = 64 * MIB;

type Message = Uint8Array<ArrayBuffer>;

/** The start of a transfer: the lengths of its head and of its segments. */
function start(number: number, ...lengths: number[]): Message {
  const view = new DataView(new ArrayBuffer(5 + 4 * lengths.length));
  view.setUint8(0, 1);
  view.setUint32(1, number, true);
  for (const [i, length] of lengths.entries()) view.setUint32(5 + 4 * i, length, true);
  return new Uint8Array(view.buffer);
}

/** A part of a transfer. */
function part(number: number, bytes: Uint8Array): Message {
  const body = new Uint8Array(4 + bytes.length);
  new DataView(body.buffer).setUint32(0, number, true);
  body.set(bytes, 4);
  return message(2, body);
}

/** A ping, 33 bytes, whose header announces so many bytes and segments. */
function ping(length: number, segments = 0): Uint8Array {
  const frame = new Uint8Array(33);
  frame.set(header(length, segments));
  frame[4] = 4;
  frame[32] = 0x90;
  return frame;
}

const HOSTILE: Readonly<Record<string, Message[]>> = {
  "a start that ends early": [Uint8Array.of(1, 0, 0, 0, 0)],
  "a start with a piece of a length": [message(1, start(0, 40, 40).subarray(1, 12))],
  "a start of too many segments": [start(0, 40, ...new Array(4097).fill(1))],
  "a start of less than a header": [start(0, 31, 1_000_000)],
  "a start of too large a head": [start(0, HEAD + 1)],
  "a start of too many bytes": [start(0, 40, GIB, 1)],
  "two transfers of one number": [start(7, 1_000_000), start(7, 1_000_000)],
  "one transfer too many": Array.from({ length: 65 }, (_, i) => start(i, 1_000_000)),
  "transfers of too many bytes": [start(0, HEAD, GIB), start(1, HEAD, GIB), start(2, 32)],
  "a part without a number": [start(0, 1_000_000), Uint8Array.of(2, 0, 0, 0)],
  "a part of no transfer": [part(0, new Uint8Array(PART))],
  "a part of another transfer": [start(0, 1_000_000), part(1, new Uint8Array(PART))],
  "a part after the last": [start(0, 33), part(0, ping(33)), part(0, ping(33))],
  "a part that is not full": [start(0, 1_000_000), part(0, new Uint8Array(PART - 1))],
  "a part that is more than full": [start(0, 1_000_000), part(0, new Uint8Array(PART + 1))],
  "an empty part": [start(0, 1_000_000), part(0, new Uint8Array(0))],
  "a last part that is too long": [start(0, 33), part(0, new Uint8Array(34))],
  "a last part that is too short": [start(0, 33), part(0, new Uint8Array(32))],
  "a frame shorter than its transfer": [start(0, 33), part(0, ping(32))],
  "a frame longer than its transfer": [start(0, 33), part(0, ping(1000))],
  "fewer segments than the frame has": [start(0, 33), part(0, ping(33, 1))],
  "more segments than the frame has": [start(0, 33, 1), part(0, new Uint8Array([...ping(33), 1]))],
  "taken, but nothing was sent": [Uint8Array.of(3)],
  "taken, with something behind it": [Uint8Array.of(3, 0)],
};
for (const [what, messages] of Object.entries(HOSTILE)) {
  Deno.test(`webSocketLink closes with 1002 and a ProtocolError on ${what}`, () =>
    withClient(async (client, ear) => {
      const closed = new Promise<CloseEvent>((resolve) =>
        client.addEventListener("close", resolve)
      );
      for (const message of messages) client.send(message);
      const error = await ear.closing;
      assert.ok(error instanceof ProtocolError, String(error));
      assert.equal((await closed).code, 1002);
      assert.equal(ear.frames.length, what === "a part after the last" ? 1 : 0);
      assert.equal(ear.closings.length, 1);
    }));
}

Deno.test("webSocketLink takes parts of several transfers in any order, and numbers again", () =>
  withClient(async (client, ear) => {
    const payload = new Uint8Array(PART).fill(5);
    const bytes = [...ping(33, 2)];
    for (const number of [0xffff_ffff, 0]) client.send(start(number, 33, 0, PART - 33 + 3));
    for (const number of [0, 0xffff_ffff]) {
      const first = payload.slice();
      first.set(bytes);
      client.send(part(number, first));
    }
    client.send(part(0xffff_ffff, Uint8Array.of(1, 2, 3)));
    client.send(start(0xffff_ffff, 33));
    client.send(part(0xffff_ffff, ping(33)));
    client.send(part(0, Uint8Array.of(1, 2, 3)));
    const frames = await ear.heard(3);
    assert.deepEqual(
      frames.map((frame) => frame.segments.map((segment) => segment.byteLength)),
      [[0, PART - 33 + 3], [], [0, PART - 33 + 3]],
    );
    const segment = new Uint8Array(frames[0]!.segments[1]!);
    assert.deepEqual([...segment.subarray(PART - 35)], [5, 5, 1, 2, 3]);
  }));

Deno.test("webSocketLink answers each start and each part once", () =>
  withClient(async (client, ear) => {
    const answers: number[][] = [];
    const done = Promise.withResolvers<void>();
    client.binaryType = "arraybuffer";
    client.addEventListener("message", ({ data }) => {
      if (answers.push([...new Uint8Array(data)]) === 3) done.resolve();
    });
    client.send(start(0, 33, PART));
    const first = new Uint8Array(PART);
    first.set(ping(33, 1));
    client.send(part(0, first));
    client.send(part(0, new Uint8Array(33)));
    await Promise.all([ear.heard(1), done.promise]);
    assert.deepEqual(answers, [[3], [3], [3]]);
  }));

Deno.test("webSocketLink: a connection that is cut inside a transfer is reported once", () =>
  withClient(async (client, ear) => {
    client.send(start(0, 33, GIB));
    client.send(part(0, new Uint8Array(PART)));
    client.close();
    assert.equal(await ear.closing, undefined);
    assert.equal(ear.frames.length, 0);
    assert.equal(ear.closings.length, 1);
  }));
