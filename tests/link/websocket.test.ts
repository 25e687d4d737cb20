import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import { Codec } from "../../src/core/codec.ts";
import { HostLostError, LinkRefusedError, ProtocolError } from "../../src/core/host_errors.ts";
import type { RawFrame } from "../../src/core/protocol.ts";
import type { Link } from "../../src/link/link.ts";
import { webSocketLink } from "../../src/link/websocket.ts";
import { testLinkContract } from "../contract/link_contract.ts";
import { Ear, pattern, tell } from "../contract/link_helpers.ts";
import {
  Acceptor,
  dialWebSocket,
  header,
  message,
  StuckSocket,
  withClient,
} from "./websocket_helpers.ts";

testLinkContract({
  name: "webSocketLink",
  sharesMemory: false,
  async pair(codec) {
    const acceptor = new Acceptor();
    const accepted = acceptor.next().then((socket) => webSocketLink(socket, codec));
    const [a, b] = await Promise.all([dialWebSocket(acceptor.url, {}, codec), accepted]);
    return { a, b, dispose: () => acceptor[Symbol.asyncDispose]() };
  },
});

function echo(link: Link): void {
  link.open({ frame: (frame) => link.forward(frame), closed: () => {} });
}

/**
 * Fails where a message waits 44 ms for a delayed acknowledgement: Nagle's algorithm is on then. It
 * waits every time, once the kernel has stopped to acknowledge a young connection at once, so one round
 * trip that does not tells, on a busy machine too.
 */
async function assertPrompt(link: Link): Promise<void> {
  const ear = new Ear(link);
  const roundTrip = async (payload: Uint8Array) => {
    const started = performance.now();
    link.send(tell(0, payload));
    await ear.heard(ear.frames.length + 1);
    return performance.now() - started;
  };
  for (let i = 0; i < 50; i++) await roundTrip(pattern(100));
  for (const size of [100, 1_400, 20_000, 64_000, 1_000_000]) {
    const payload = pattern(size);
    let fastest = Infinity;
    for (let i = 0; fastest >= 30 && i < 100; i++) {
      fastest = Math.min(fastest, await roundTrip(payload));
    }
    assert.ok(fastest < 30, `${size} bytes take ${fastest} ms there and back`);
  }
  link.close();
  await ear.closing;
}

// Deno's own client would take 44 ms for the second and third size.
Deno.test("dialWebSocket: round trips do not wait for delayed acknowledgements", async () => {
  await using acceptor = new Acceptor();
  const codec = new Codec();
  const [link, socket] = await Promise.all([
    dialWebSocket(acceptor.url, {}, codec),
    acceptor.next(),
  ]);
  echo(webSocketLink(socket, codec));
  await assertPrompt(link);
});

// Deno.serve with a certificate would take 44 ms for the third and fourth size: it leaves Nagle's algorithm on.
Deno.test("dialWebSocket: nor do they over TLS, to a server of node:https and ws", async () => {
  const read = (name: string) => Deno.readTextFile(new URL(`./fixtures/${name}`, import.meta.url));
  const [cert, key] = await Promise.all([read("localhost_cert.pem"), read("localhost_key.pem")]);
  const codec = new Codec();
  const server = createServer({ cert, key });
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on("connection", (socket) => echo(webSocketLink(socket, codec)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `wss://localhost:${(server.address() as AddressInfo).port}`;
  await assert.rejects(
    dialWebSocket(url, {}, codec),
    (error: Error) => error instanceof HostLostError && /self-signed/.test(error.message),
  );
  await assertPrompt(await dialWebSocket(url, { ca: cert }, codec));
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("dialWebSocket sends the token", async () => {
  await using acceptor = new Acceptor();
  const codec = new Codec();
  const [link, socket] = await Promise.all([
    dialWebSocket(acceptor.url, { token: "s3cret" }, codec),
    acceptor.next(),
  ]);
  assert.equal(acceptor.headers[0]!.get("authorization"), "Bearer s3cret");
  assert.equal(acceptor.headers[0]!.get("sec-websocket-extensions"), null);
  const [ear, other] = [new Ear(link), new Ear(webSocketLink(socket, codec))];
  link.close();
  await Promise.all([ear.closing, other.closing]);
});

for (const [status, text] of [[401, "who are you"], [403, "not you"], [503, "stopping"]] as const) {
  Deno.test(`dialWebSocket rejects with a LinkRefusedError on status ${status}`, async () => {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response(text, { status }),
    );
    await assert.rejects(
      dialWebSocket(`ws://127.0.0.1:${server.addr.port}`, {}, new Codec()),
      (error: Error) =>
        error instanceof LinkRefusedError && error.message.includes(String(status)) &&
        error.message.includes(text),
    );
    await server.shutdown();
  });
}

Deno.test("dialWebSocket rejects with a HostLostError where nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assert.rejects(dialWebSocket(`ws://127.0.0.1:${port}`, {}, new Codec()), HostLostError);
});

Deno.test("dialWebSocket rejects with a SyntaxError for what is no address", async () => {
  await assert.rejects(dialWebSocket("nowhere", {}, new Codec()), SyntaxError);
});

/** A listener that accepts connections and says nothing; the connections it got are closed with it. */
async function withSilentListener(body: (url: string) => Promise<void>): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Promise<Deno.Conn>[] = [listener.accept()];
  await body(`ws://127.0.0.1:${listener.addr.port}`);
  for (const connection of connections) (await connection).close();
  listener.close();
}

Deno.test("dialWebSocket gives up in time", () =>
  withSilentListener(async (url) => {
    await assert.rejects(
      dialWebSocket(url, { timeoutMs: 20 }, new Codec()),
      (error: Error) => error instanceof HostLostError && /20 ms/.test(error.message),
    );
  }));

Deno.test("dialWebSocket gives up when told", () =>
  withSilentListener(async (url) => {
    const controller = new AbortController();
    const dialling = dialWebSocket(url, { signal: controller.signal }, new Codec());
    const reason = new Error("changed my mind");
    setTimeout(() => controller.abort(reason), 20);
    await assert.rejects(dialling, (error: Error) => error === reason);
  }));

Deno.test("dialWebSocket does not begin when it is told beforehand", async () => {
  const reason = new Error("too late");
  await assert.rejects(
    dialWebSocket("ws://127.0.0.1:9", { signal: AbortSignal.abort(reason) }, new Codec()),
    (error: Error) => error === reason,
  );
});

const PART = 256 * 1024;
const HOSTILE: Readonly<Record<string, (string | Uint8Array<ArrayBuffer>)[]>> = {
  "a text message": ["hello"],
  "an empty message": [new Uint8Array(0)],
  "an unknown kind of message": [Uint8Array.of(4, 1, 2, 3)],
  "junk": [message(0, pattern(500))],
  "half a header": [message(0, header(32).subarray(0, 16))],
  "a huge announced length": [message(0, header(0xffff_ffff))],
  "a length that is not there": [message(0, header(1000))],
  "segments that are not there": [message(0, header(32, 65_535))],
  "a message that is too large": [new Uint8Array(PART + 2)],
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
      assert.equal(ear.frames.length, 0);
    }));
}

Deno.test("webSocketLink tells the dialling side that its bytes were wrong", async () => {
  await using acceptor = new Acceptor();
  const codec = new Codec();
  const [link, socket] = await Promise.all([
    dialWebSocket(acceptor.url, {}, codec),
    acceptor.next(),
  ]);
  const ear = new Ear(link);
  const gone = new Promise((resolve) => socket.addEventListener("close", resolve));
  socket.close(1002, "that was no frame");
  const error = await ear.closing;
  assert.ok(error instanceof ProtocolError);
  assert.match(error.message, /that was no frame/);
  await gone;
});

Deno.test("webSocketLink ends with a HostLostError when the other side vanishes", async () => {
  // A process, because a socket in this one says goodbye when it goes.
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      new URL("./fixtures/websocket_host.ts", import.meta.url).pathname,
    ],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const { value } = await child.stdout.pipeThrough(new TextDecoderStream()).values().next();
  const link = await dialWebSocket(`ws://127.0.0.1:${Number(value)}`, {}, new Codec());
  const ear = new Ear(link);
  link.send(tell(1));
  await ear.heard(1);
  child.kill("SIGKILL");
  assert.ok(await ear.closing instanceof HostLostError);
  await child.status;
});

Deno.test("webSocketLink ends with a HostLostError when the dialling process vanishes", async () => {
  await using acceptor = new Acceptor();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      new URL("./fixtures/websocket_host.ts", import.meta.url).pathname,
      acceptor.url,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const ear = new Ear(webSocketLink(await acceptor.next(), new Codec()));
  await ear.heard(1);
  child.kill("SIGKILL");
  assert.ok(await ear.closing instanceof HostLostError);
  await child.status;
});

Deno.test("webSocketLink waits for its socket to open", async () => {
  const socket = new StuckSocket();
  const link = webSocketLink(socket, new Codec());
  link.send(tell(1));
  await Promise.resolve();
  assert.equal(socket.sent.length, 0);
  assert.ok(link.bufferedBytes > 0);
  socket.emit("open");
  assert.equal(socket.sent.length, 1);
  assert.equal(socket.binaryType, "arraybuffer");
  socket.emit("close", { code: 1000 });
});

Deno.test("webSocketLink waits while its socket is full, and goes on in order", async () => {
  const socket = new StuckSocket();
  const link = webSocketLink(socket, new Codec());
  const ear = new Ear(link);
  socket.emit("open");
  for (let id = 1; id <= 100; id++) link.send(tell(id, pattern(100_000)));
  const taken = socket.sent.length;
  assert.ok(socket.bufferedAmount > 4 * 2 ** 20 && socket.bufferedAmount < 4.2 * 2 ** 20);
  assert.ok(link.bufferedBytes >= 10_000_000 && link.bufferedBytes < 10_100_000);
  link.send(tell(101));
  await Promise.resolve();
  assert.equal(socket.sent.length, taken);
  assert.ok(link.isBackedUp);
  while (link.bufferedBytes > 0) {
    const blocked = link.bufferedBytes > socket.bufferedAmount;
    const sending = socket.sending;
    socket.bufferedAmount = 0;
    if (blocked) await sending;
  }
  assert.ok(!link.isBackedUp);
  // What was sent is what another link reads.
  const [there, read] = [new StuckSocket(), [] as RawFrame[]];
  const other = webSocketLink(there, new Codec());
  other.open({ frame: (frame) => read.push(frame), closed: () => {} });
  for (const { buffer } of socket.sent) there.emit("message", { data: buffer });
  assert.deepEqual(read.map((frame) => frame.id), Array.from({ length: 101 }, (_, i) => i + 1));
  socket.emit("close", { code: 1000 });
  assert.equal(await ear.closing, undefined);
});

Deno.test("webSocketLink gives everything to its socket before it closes", async () => {
  const socket = new StuckSocket();
  const link = webSocketLink(socket, new Codec());
  const ear = new Ear(link);
  socket.emit("open");
  link.send(tell(1, pattern(10_000_000)));
  await Promise.resolve();
  link.send(tell(2));
  link.close();
  assert.ok(socket.bufferedAmount > 10_000_000);
  assert.equal(socket.closedWith, 1000);
  assert.deepEqual(ear.closings, []);
  socket.emit("close", { code: 1000 });
  assert.deepEqual(ear.closings, [undefined]);
});

Deno.test("webSocketLink leaves no timer when its socket dies while full", async () => {
  const socket = new StuckSocket();
  const link = webSocketLink(socket, new Codec());
  const ear = new Ear(link);
  socket.emit("open");
  for (let id = 1; id <= 50; id++) link.send(tell(id, pattern(100_000)));
  assert.ok(link.bufferedBytes > socket.bufferedAmount);
  socket.emit("error", { message: "Unexpected EOF" });
  socket.emit("close", { code: 0 });
  const error = await ear.closing;
  assert.ok(error instanceof HostLostError);
  assert.match(error.message, /Unexpected EOF/);
});

Deno.test("webSocketLink does not wait for ever for the answer to its end", async () => {
  const socket = new StuckSocket();
  const link = webSocketLink(socket, new Codec());
  const ear = new Ear(link);
  socket.emit("open");
  link.send(tell(1, pattern(1_000_000)));
  const real = globalThis.setTimeout;
  const timers: (() => void)[] = [];
  globalThis.setTimeout =
    ((callback: () => void) => timers.push(callback)) as unknown as typeof setTimeout;
  link.close();
  // As long as what was sent goes out, the other side cannot have answered.
  socket.bufferedAmount -= 1;
  timers[0]!();
  assert.ok(!socket.terminated);
  assert.equal(timers.length, 2);
  timers[1]!();
  globalThis.setTimeout = real;
  assert.ok(socket.terminated);
  assert.ok(await ear.closing instanceof HostLostError);
  assert.equal(ear.closings.length, 1);
});
