import assert from "node:assert/strict";
import { Codec } from "../../src/core/codec.ts";
import { HostLostError } from "../../src/core/host_errors.ts";
import { MESSAGE_BYTES } from "../../src/link/bulk.ts";
import { ByteSocket } from "../../src/link/byte_socket.ts";
import type { LinkSocketEvent } from "../../src/link/link_socket.ts";
import { webSocketLink } from "../../src/link/websocket.ts";
import { testLinkContract } from "../contract/link_contract.ts";
import { Ear, pattern, tell } from "../contract/link_helpers.ts";

/** Both ends of a connection of the system, in one process. */
async function connection(): Promise<[Deno.Conn, Deno.Conn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [a, b] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
  ]);
  a.setNoDelay();
  b.setNoDelay();
  return [a, b];
}

async function sockets(maxBytes = 1000): Promise<[ByteSocket, ByteSocket]> {
  const [a, b] = await connection();
  return [new ByteSocket(a, maxBytes), new ByteSocket(b, maxBytes)];
}

function once(socket: ByteSocket, type: "message" | "close" | "error"): Promise<LinkSocketEvent> {
  return new Promise((resolve) => socket.addEventListener(type, resolve));
}

/** The lengths of so many messages. */
function lengths(socket: ByteSocket, count: number): Promise<number[]> {
  const seen: number[] = [];
  return new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      seen.push((data as ArrayBuffer).byteLength);
      if (seen.length === count) resolve(seen);
    });
  });
}

testLinkContract({
  name: "webSocketLink over ByteSocket",
  sharesMemory: false,
  async pair(codec) {
    const [a, b] = await sockets(MESSAGE_BYTES);
    return { a: webSocketLink(a, codec), b: webSocketLink(b, codec) };
  },
});

Deno.test("ByteSocket: messages keep their bounds and bytes, whatever they are", async () => {
  const [a, b] = await sockets(200_000);
  const sent = [0, 1, 3, 65_531, 65_532, 65_533, 70_000, 200_000, 5];
  const seen = lengths(b, sent.length);
  const bytes: Uint8Array[] = [];
  b.addEventListener("message", ({ data }) => bytes.push(new Uint8Array(data as ArrayBuffer)));
  for (const length of sent) a.send(pattern(length));
  assert.equal(a.bufferedAmount, sent.reduce((sum, length) => sum + length, 0));
  assert.deepEqual(await seen, sent);
  for (const [i, length] of sent.entries()) assert.ok(equal(bytes[i]!, pattern(length)));
  assert.equal(a.bufferedAmount, 0);
  const closed = [once(a, "close"), once(b, "close")];
  a.close();
  await Promise.all(closed);
});

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

Deno.test("ByteSocket: what was sent arrives before the end, which both sides hear", async () => {
  const [a, b] = await sockets();
  const seen = lengths(b, 100);
  const closed = [once(a, "close"), once(b, "close")];
  for (let i = 0; i < 100; i++) a.send(pattern(i));
  a.close(1011, "it is enough: ünough");
  a.send(pattern(1));
  a.close(1000);
  assert.equal(a.readyState, 2);
  const [mine, theirs] = await Promise.all(closed);
  assert.deepEqual([mine!.code, theirs!.code, theirs!.reason], [
    1011,
    1011,
    "it is enough: ünough",
  ]);
  assert.equal((await seen).length, 100);
  assert.deepEqual([a.readyState, b.readyState], [3, 3]);
});

Deno.test("ByteSocket: both sides may end it at the same time", async () => {
  const [a, b] = await sockets();
  const closed = [once(a, "close"), once(b, "close")];
  a.close(1000);
  b.close(1011);
  const [mine, theirs] = await Promise.all(closed);
  assert.deepEqual([mine!.code, theirs!.code], [1011, 1000]);
});

Deno.test("ByteSocket: a side that vanishes, and one that does not keep the rules", async () => {
  const [a, b] = await sockets();
  const closed = Promise.all([once(a, "close"), once(b, "close"), once(b, "error")]);
  a.terminate();
  const [mine, theirs, error] = await closed;
  assert.deepEqual([mine.code, theirs.code], [1006, 1006]);
  assert.match(error.message!, /gone|reset/);
  b.close();

  for (const junk of [[255, 255, 255, 0], [1, 0, 0, 128, 7], [16, 39, 0, 0]]) {
    const [raw, end] = await connection();
    const socket = new ByteSocket(end, 1000);
    const refused = Promise.all([once(socket, "error"), once(socket, "close")]);
    await raw.write(Uint8Array.from(junk));
    assert.match((await refused)[0].message!, /a message of \d+ bytes, with 1000 at most/);
    raw.close();
  }
});

Deno.test("ByteSocket: a message that is too long is refused where it is sent", async () => {
  const [a, b] = await sockets();
  assert.throws(() => a.send(new Uint8Array(1001)), RangeError);
  const closed = [once(a, "close"), once(b, "close")];
  b.close();
  await Promise.all(closed);
});

Deno.test("webSocketLink over ByteSocket: the other process dies", async () => {
  const [end, raw] = await connection();
  const link = webSocketLink(new ByteSocket(end, MESSAGE_BYTES), new Codec());
  const ear = new Ear(link);
  link.send(tell(1, pattern(1_000_000)));
  raw.close();
  assert.ok(await ear.closing instanceof HostLostError);
});
