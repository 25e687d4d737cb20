/** Large frames over a WebSocket link: in parts, in turns, in order, and within limits. */
import assert from "node:assert/strict";
import { Codec } from "../../src/core/codec.ts";
import { HostLostError } from "../../src/core/host_errors.ts";
import { NotSerializableError } from "../../src/core/message_errors.ts";
import type { CallFrame, RawFrame } from "../../src/core/protocol.ts";
import { transfer } from "../../src/core/transfer.ts";
import type { Link } from "../../src/link/link.ts";
import { webSocketLink } from "../../src/link/websocket.ts";
import { argsOf, assertSameBytes, Ear, pattern, raw, tell } from "../contract/link_helpers.ts";
import { Acceptor, dialWebSocket, StuckSocket } from "./websocket_helpers.ts";

const BATCH_KIND = 0, START_KIND = 1, PART_KIND = 2;
const TAKEN = { data: Uint8Array.of(3).buffer };
const codec = new Codec();

/** A tell to this actor. */
function to(uid: string, id: number, ...args: unknown[]) {
  return { ...tell(id, ...args), uid };
}

/** A link on a socket that is open, and never says by itself that something was taken. */
function opened() {
  const socket = new StuckSocket();
  const link = webSocketLink(socket, codec);
  const ear = new Ear(link);
  socket.emit("open");
  return { socket, link, ear };
}

/** Kind and number of each message from `first` on; a batch has no number. */
function messages(socket: StuckSocket, first = 0): [kind: number, transfer: number][] {
  return socket.sent.slice(first).map((message) => [
    message[0]!,
    message[0] === BATCH_KIND ? -1 : message[1]!,
  ]);
}

/** Says that everything was taken until nothing more comes. */
function takeAll(socket: StuckSocket): void {
  for (let taken = 0; taken < socket.sent.length; taken++) {
    socket.bufferedAmount = 0;
    if (socket.sent[taken]![0] !== BATCH_KIND) socket.emit("message", TAKEN);
  }
}

/** What the other side reads. */
function read(socket: StuckSocket): RawFrame[] {
  const { socket: there, ear } = opened();
  for (const { buffer } of socket.sent) there.emit("message", { data: buffer });
  assert.deepEqual(ear.closings, []);
  return ear.frames;
}

Deno.test("webSocketLink: a small frame waits for a few parts, or for its order", async () => {
  const { socket, link } = opened();
  const payload = pattern(5_000_000);
  link.send(to("a", 1, payload));
  payload.fill(0);
  assert.deepEqual(messages(socket), [[START_KIND, 0], [PART_KIND, 0], [PART_KIND, 0]]);
  link.send(to("a", 2));
  link.send(to("b", 3));
  await Promise.resolve();
  assert.deepEqual(messages(socket, 3), [[BATCH_KIND, -1]]);
  takeAll(socket);
  const frames = read(socket);
  assert.deepEqual(frames.map((frame) => frame.id), [3, 1, 2]);
  assertSameBytes(argsOf(codec.decode(frames[1]!))[0] as Uint8Array, pattern(5_000_000));
  assert.equal(link.bufferedBytes, socket.bufferedAmount);
});

Deno.test("webSocketLink: batches leave half of the way to bulk", async () => {
  const { socket, link } = opened();
  link.send(to("a", 1, new Uint8Array(2_000_000)));
  socket.bufferedAmount = 2 ** 30;
  for (let id = 2; id < 30; id++) link.send(to("b", id, new Uint8Array(100_000)));
  const before = socket.sent.length;
  for (let i = 0; i < before; i++) socket.emit("message", TAKEN);
  const { sending } = socket;
  socket.bufferedAmount = 0;
  await sending;
  const kinds = messages(socket, before).map(([kind]) => kind);
  assert.deepEqual(kinds.slice(0, 8), [0, 0, 0, 2, 0, 0, 0, 2]);
  assert.ok(kinds.length > 28 + 1);
  socket.emit("close", { code: 1000 });
});

Deno.test("webSocketLink: large frames to two actors take turns, those to one do not", () => {
  const { socket, link } = opened();
  link.send(to("a", 1, new Uint8Array(1_000_000)));
  link.send(to("a", 2, new Uint8Array(1_000_000)));
  link.send(to("b", 3, new Uint8Array(1_000_000)));
  takeAll(socket);
  const numbers = messages(socket).filter(([kind]) => kind === PART_KIND).map(([, n]) => n);
  assert.deepEqual(numbers, [0, 0, 0, 1, 0, 1, 2, 1, 2, 1, 2, 2]);
  assert.deepEqual(read(socket).map((frame) => frame.id), [1, 3, 2]);
});

Deno.test("webSocketLink: a large frame stays behind what was sent before it, in a full socket too", async () => {
  const { socket, link } = opened();
  socket.bufferedAmount = 5 * 2 ** 20;
  const ids = Array.from({ length: 30 }, (_, id) => id);
  for (const id of ids) {
    const bytes = id % 10 === 9 ? 300_000 : 100_000;
    link.send(to("a", id, new Uint8Array(bytes)));
  }
  await null;
  assert.equal(socket.sent.length, 0);
  const { sending } = socket;
  socket.bufferedAmount = 0;
  await sending;
  takeAll(socket);
  assert.deepEqual(read(socket).map((frame) => frame.id), ids);
});

Deno.test("webSocketLink: more large frames than may be under way wait for each other", () => {
  const { socket, link } = opened();
  for (let id = 1; id <= 70; id++) link.send(to(`actor-${id}`, id, new Uint8Array(600_000)));
  takeAll(socket);
  let [open, most] = [0, 0];
  const parts = new Map<number, number>();
  for (const [kind, number] of messages(socket)) {
    if (kind === START_KIND) most = Math.max(most, ++open);
    else parts.set(number, (parts.get(number) ?? 0) + 1);
    if (parts.get(number) === 3) {
      open--;
      parts.delete(number);
    }
  }
  assert.equal(most, 64);
  assert.equal(read(socket).length, 70);
});

Deno.test("webSocketLink: the largest frames are under way two at a time", () => {
  const { socket, link } = opened();
  const gigabyte = new ArrayBuffer(2 ** 30);
  for (let id = 0; id < 3; id++) {
    link.forward({ ...raw(codec, to(`actor-${id}`, id)), segments: [gigabyte] });
  }
  assert.ok(link.bufferedBytes > 3 * 2 ** 30);
  for (let i = 0; i < 50; i++) socket.emit("message", TAKEN);
  const starts = messages(socket).filter(([kind]) => kind === START_KIND);
  assert.equal(starts.length, 2);
  socket.emit("close", { code: 0 });
});

Deno.test("webSocketLink.forward: refuses a frame that the other host would", async () => {
  const { socket, link, ear } = opened();
  const small = raw(codec, tell(1));
  const half = new ArrayBuffer(2 ** 29 + 1);
  assert.throws(() => link.forward({ ...small, segments: [half, half] }), NotSerializableError);
  const shared = new SharedArrayBuffer(1_000_000);
  assert.throws(() => link.forward({ ...small, segments: [shared] }), NotSerializableError);
  link.send(tell(2));
  await Promise.resolve();
  assert.deepEqual(read(socket).map((frame) => frame.id), [2]);
  assert.deepEqual(ear.closings, []);
});

Deno.test("webSocketLink: a socket that dies in the middle frees everything and is reported once", () => {
  const { socket, link, ear } = opened();
  link.send(to("a", 1, new Uint8Array(5_000_000)));
  link.send(to("a", 2, new Uint8Array(5_000_000)));
  link.send(to("a", 3));
  link.send({ ...tell(4), kind: "goodbye", code: "ended", reason: "", error: null });
  assert.ok(link.bufferedBytes > 10_000_000);
  const [there, earThere] = [new StuckSocket(), new Ear()];
  const other = webSocketLink(there, codec);
  other.open(earThere);
  for (const { buffer } of socket.sent) there.emit("message", { data: buffer });
  for (const [one, end, its] of [[socket, link, ear], [there, other, earThere]] as const) {
    one.emit("close", { code: 0 });
    one.emit("message", TAKEN);
    one.bufferedAmount = 0;
    assert.equal(end.bufferedBytes, 0);
    assert.equal(its.closings.length, 1);
    assert.ok(its.closings[0] instanceof HostLostError);
    assert.equal(its.frames.length, 0);
  }
  link.send(to("a", 5, new Uint8Array(1_000_000)));
  link.forward(raw(codec, to("a", 6, new Uint8Array(1_000_000))));
  assert.equal(link.bufferedBytes, 0);
});

/** Round trips, in milliseconds, to an actor that answers at once, until `done`. */
async function pings(link: Link, ear: Ear, done: () => boolean): Promise<number[]> {
  const times: number[] = [];
  const answer = () => ear.frames.filter((frame) => frame.kind === "tell").length;
  while (!done()) {
    const started = performance.now();
    const before = answer();
    link.send(to("pinged", 1));
    while (answer() === before && !done()) await ear.heard(ear.frames.length + 1);
    if (!done()) times.push(performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return times;
}

Deno.test("webSocketLink: 256 MiB to one actor delay a small call to another by little of their time", async () => {
  await using acceptor = new Acceptor();
  const [a, socket] = await Promise.all([dialWebSocket(acceptor.url, {}, codec), acceptor.next()]);
  const b = webSocketLink(socket, codec);
  const [ear, ids] = [new Ear(a), [] as number[]];
  const closed = Promise.withResolvers<void>();
  b.open({
    frame: (frame) => {
      const { uid, id, args } = codec.decode(frame) as CallFrame;
      if (uid === "pinged") return b.send(tell(id));
      ids.push(id);
      if (id === 2) assert.equal((args[0] as Uint8Array).at(-1), 7);
      if (id === 3) b.send({ kind: "reply", id, to: frame.from, from: frame.to, value: 0 });
    },
    closed: () => closed.resolve(),
  });
  const size = 256 * 2 ** 20;
  const payload = new Uint8Array(size);
  payload[size - 1] = 7;
  const started = performance.now();
  a.send(to("bulk", 2, transfer(payload)));
  a.send(to("bulk", 3));
  assert.ok(a.bufferedBytes > size - 2_000_000 && a.bufferedBytes < size + 100_000);
  const done = () => ear.frames.some((frame) => frame.kind === "reply");
  const times = await pings(a, ear, done);
  const ms = performance.now() - started;
  assert.ok(times.length >= 3, `${times.length} round trips`);
  const median = times.toSorted((x, y) => x - y)[times.length >> 1]!;
  assert.deepEqual(ids, [2, 3]);
  assert.ok(median < Math.max(20, ms / 20), `the median round trip takes ${median} of ${ms} ms`);
  assert.equal(a.bufferedBytes, 0);
  a.close();
  await Promise.all([ear.closing, closed.promise]);
});
