import assert from "node:assert/strict";
import { ManualClock, settled } from "@dramatis/dramatis/testing";
import { Codec } from "../../src/core/codec.ts";
import { HostLostError, LinkRefusedError, ProtocolError } from "../../src/core/host_errors.ts";
import {
  type Frame,
  type HelloFrame,
  type HostDescription,
  PROTOCOL_VERSION,
  type RawFrame,
  type WelcomeFrame,
} from "../../src/core/protocol.ts";
import type { LinkHandler } from "../../src/link/link.ts";
import { type MemoryLink, memoryLinks } from "../../src/link/memory.ts";
import { openSession } from "../../src/link/session.ts";
import type { Session, SessionOptions } from "../../src/link/session_options.ts";
import { Ear, tell } from "../contract/link_helpers.ts";

const codec = new Codec();
const DIALLER: HostDescription = { id: 0xd1, address: null, pools: [] };
const ACCEPTOR: HostDescription = { id: 0xac, address: "127.0.0.1:9000", pools: [] };
const ENVELOPE = { id: 0, to: { host: 0, pool: 0 }, from: { host: 0xbad, pool: 0 } } as const;

function hello(version: number): HelloFrame {
  return { kind: "hello", version, host: { ...DIALLER, id: 0xbad }, ...ENVELOPE };
}

function welcome(version: number): WelcomeFrame {
  return { kind: "welcome", version, host: { ...ACCEPTOR, id: 0xbad }, ...ENVELOPE };
}

/** One side of a session and all that it was told. */
class Side {
  readonly frames: RawFrame[] = [];
  readonly causes: Error[] = [];
  readonly opening: Promise<Session>;
  readonly closed: Promise<Error>;

  constructor(
    readonly link: MemoryLink,
    role: "dial" | "accept",
    clock: ManualClock,
    options: Partial<SessionOptions> = {},
  ) {
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.closed = promise;
    this.opening = openSession(link, codec, {
      self: role === "dial" ? DIALLER : ACCEPTOR,
      role,
      heartbeatMs: 1000,
      handshakeTimeoutMs: 5000,
      clock,
      onFrame: (frame) => void this.frames.push(frame),
      onClosed: (cause) => {
        this.causes.push(cause);
        resolve(cause);
      },
      ...options,
    });
    this.opening.catch(() => {});
  }
}

/** Two sides that have not introduced themselves yet. */
function sides(dial: Partial<SessionOptions> = {}, accept: Partial<SessionOptions> = {}) {
  const clock = new ManualClock();
  const [a, b] = memoryLinks(codec);
  return {
    clock,
    dialler: new Side(a, "dial", clock, dial),
    acceptor: new Side(b, "accept", clock, accept),
  };
}

/** One side, and a bare link to it that may say anything. */
function bare(role: "dial" | "accept", options: Partial<SessionOptions> = {}) {
  const clock = new ManualClock();
  const [a, b] = memoryLinks(codec);
  const side = new Side(a, role, clock, options);
  const ear = new Ear(b);
  const said = async (count: number): Promise<Frame[]> =>
    (await ear.heard(count)).map((frame) => codec.decode(frame));
  return { clock, side, peer: b, ear, said };
}

Deno.test("openSession introduces both sides", async () => {
  const { clock, dialler, acceptor } = sides();
  const [there, here] = await Promise.all([dialler.opening, acceptor.opening]);
  assert.deepEqual(there.peer, ACCEPTOR);
  assert.deepEqual(here.peer, DIALLER);
  there.send(tell(1, "to the acceptor"));
  here.send(tell(2, "to the dialler"));
  await settled();
  assert.deepEqual(acceptor.frames.map((frame) => codec.decode(frame)), [
    tell(1, "to the acceptor"),
  ]);
  here.forward(acceptor.frames[0]!);
  await settled();
  assert.deepEqual(dialler.frames.map(({ id, hops }) => [id, hops]), [[2, 0], [1, 1]]);
  there.goodbye("done");
  await Promise.all([dialler.closed, acceptor.closed]);
  assert.equal(clock.pending, 0);
});

Deno.test("openSession lets its caller go on before the first frame", async () => {
  const { side, peer, said } = bare("dial");
  await said(1);
  peer.send(welcome(PROTOCOL_VERSION));
  peer.send(tell(1));
  peer.send({ kind: "goodbye", code: "ended", reason: "already", error: null, ...ENVELOPE });
  const session = await side.opening;
  assert.equal(side.frames.length, 0);
  assert.equal(session.peer.id, 0xbad);
  await side.closed;
  assert.equal(side.frames.length, 1);
});

Deno.test("openSession: what came right before the end comes before the end", async () => {
  const { side, peer, said } = bare("dial");
  await said(1);
  peer.send(welcome(PROTOCOL_VERSION));
  peer.send(tell(1));
  peer.close();
  await side.opening;
  const cause = await side.closed;
  assert.equal(side.frames.length, 1);
  assert.ok(cause instanceof HostLostError && cause.exit === "lost");
});

Deno.test("openSession: an acceptor names both versions to a dialler of another one", async () => {
  const { clock, side, peer, ear, said } = bare("accept");
  peer.send(hello(99));
  const named = (text: string) =>
    text.includes("99") && text.includes(`version ${PROTOCOL_VERSION}`);
  await assert.rejects(
    side.opening,
    (error: Error) => error instanceof ProtocolError && named(error.message),
  );
  const [goodbye] = await said(1);
  assert.ok(goodbye?.kind === "goodbye" && named(goodbye.reason));
  await ear.closing;
  assert.equal(clock.pending, 0);
  assert.deepEqual(side.causes, []);
});

Deno.test("openSession: a dialler names both versions to an acceptor of another one", async () => {
  const { side, peer, ear, said } = bare("dial");
  peer.send(welcome(0));
  await assert.rejects(
    side.opening,
    (error: Error) =>
      error instanceof ProtocolError && /version 0 .* version 1/.test(error.message),
  );
  assert.deepEqual((await said(2)).map((frame) => frame.kind), ["hello", "goodbye"]);
  await ear.closing;
});

Deno.test("openSession rejects with a LinkRefusedError when the answer is a goodbye", async () => {
  const { clock, side, peer } = bare("dial");
  peer.send({
    kind: "goodbye",
    code: "ended",
    reason: "host 00 speaks version 7",
    error: null,
    ...ENVELOPE,
  });
  await assert.rejects(
    side.opening,
    (error: Error) => error instanceof LinkRefusedError && error.message.includes("version 7"),
  );
  assert.equal(clock.pending, 0);
});

for (const role of ["dial", "accept"] as const) {
  Deno.test(`openSession (${role}) gives up on a silent peer`, async () => {
    const { clock, side, ear } = bare(role);
    await clock.advance(4999);
    assert.equal(ear.closings.length, 0);
    await clock.advance(1);
    await assert.rejects(
      side.opening,
      (error: Error) => error instanceof HostLostError && error.exit === "silent",
    );
    await ear.closing;
    assert.equal(clock.pending, 0);
  });

  Deno.test(`openSession (${role}) refuses any other frame before the handshake`, async () => {
    const { clock, side, peer, ear } = bare(role);
    peer.send(tell(1));
    await assert.rejects(side.opening, ProtocolError);
    assert.match(String(await ear.closing), /tell came before/);
    assert.equal(clock.pending, 0);
    assert.deepEqual([side.frames, side.causes], [[], []]);
  });

  Deno.test(`openSession (${role}) rejects when the link ends`, async () => {
    const { clock, side, peer } = bare(role);
    peer.drop();
    await assert.rejects(side.opening, HostLostError);
    assert.equal(clock.pending, 0);
  });

  Deno.test(`openSession (${role}) gives up when told`, async () => {
    const controller = new AbortController();
    const { clock, side, ear } = bare(role, { signal: controller.signal });
    const reason = new Error("changed my mind");
    controller.abort(reason);
    await assert.rejects(side.opening, (error: Error) => error === reason);
    await ear.closing;
    assert.equal(clock.pending, 0);
  });
}

Deno.test("openSession does not begin when it is told beforehand", async () => {
  const reason = new Error("too late");
  const { side, ear } = bare("dial", { signal: AbortSignal.abort(reason) });
  await assert.rejects(side.opening, (error: Error) => error === reason);
  await ear.closing;
  assert.equal(ear.frames.length, 0);
});

Deno.test("Session keeps a quiet link alive", async () => {
  const controller = new AbortController();
  const { clock, dialler, acceptor } = sides({ signal: controller.signal });
  const session = await dialler.opening;
  await clock.advance(60_000);
  controller.abort();
  assert.deepEqual([dialler.causes, acceptor.causes], [[], []]);
  assert.deepEqual([dialler.frames, acceptor.frames], [[], []]);
  session.goodbye("done");
  await acceptor.closed;
});

Deno.test("Session ends when its peer has been silent for three beats", async () => {
  const { clock, dialler, acceptor } = sides();
  await Promise.all([dialler.opening, acceptor.opening]);
  await clock.advance(2500);
  dialler.link.fence();
  await clock.advance(3000);
  for (const { causes } of [dialler, acceptor]) {
    const [cause] = causes;
    assert.ok(cause instanceof HostLostError && cause.exit === "silent");
    assert.match(cause.message, /silent for \d+ ms/);
    assert.equal(causes.length, 1);
  }
  assert.equal(clock.pending, 0);
});

Deno.test("Session takes any frame for a sign of life", async () => {
  const { clock, side, peer } = bare("accept");
  peer.send(hello(PROTOCOL_VERSION));
  await side.opening;
  for (let id = 0; id < 10; id++) {
    await clock.advance(1900);
    peer.send(tell(id));
    await settled();
  }
  assert.equal(side.frames.length, 10);
  assert.deepEqual(side.causes, []);
  await clock.advance(3000);
  assert.equal(side.causes.length, 1);
});

Deno.test("Session takes a part of a large frame for a sign of life", async () => {
  const clock = new ManualClock();
  const [a, peer] = memoryLinks(codec);
  const open = a.open.bind(a);
  let handler: LinkHandler | undefined;
  a.open = (session) => open(handler = session);
  const side = new Side(a, "accept", clock);
  new Ear(peer);
  peer.send(hello(PROTOCOL_VERSION));
  await side.opening;
  for (let part = 0; part < 10; part++) {
    await clock.advance(1900);
    handler!.progress!();
  }
  assert.deepEqual(side.causes, []);
  await clock.advance(3000);
  assert.equal(side.causes.length, 1);
});

Deno.test("Session answers a ping with its number", async () => {
  const { side, peer, said } = bare("accept");
  peer.send(hello(PROTOCOL_VERSION));
  peer.send({ kind: "ping", ...ENVELOPE, id: 42 });
  const [, pong] = await said(2);
  assert.deepEqual([pong!.kind, pong!.id], ["pong", 42]);
  (await side.opening).goodbye("done");
});

Deno.test("Session.goodbye ends in order, after all that was sent", async () => {
  const { clock, dialler, acceptor } = sides();
  const session = await dialler.opening;
  await acceptor.opening;
  for (let id = 0; id < 100; id++) session.send(tell(id));
  session.goodbye("enough for today");
  session.goodbye("really");
  session.send(tell(100));
  const there = await acceptor.closed as HostLostError;
  const here = await dialler.closed as HostLostError;
  assert.equal(acceptor.frames.length, 100);
  assert.deepEqual([there.exit, here.exit], ["stopped", "stopped"]);
  assert.match(there.message, /0000000000d1 said goodbye: enough for today/);
  assert.match(here.message, /enough for today/);
  assert.deepEqual([dialler.causes.length, acceptor.causes.length], [1, 1]);
  assert.equal(clock.pending, 0);
});

Deno.test("Session.goodbye carries the error that ended a host", async () => {
  for (const error of [new RangeError("too far"), { unsendable: () => {} }]) {
    const { dialler, acceptor } = sides();
    const session = await dialler.opening;
    await acceptor.opening;
    session.goodbye("broken", "stopped", error);
    const cause = await acceptor.closed as HostLostError;
    assert.match(cause.message, /broken/);
    if (error instanceof RangeError) {
      assert.equal(cause.exit, "error");
      assert.ok(cause.cause instanceof RangeError && cause.cause.message === "too far");
    }
  }
});

Deno.test("Session ends with a HostLostError when the link is cut", async () => {
  const { clock, dialler, acceptor } = sides();
  const [session] = await Promise.all([dialler.opening, acceptor.opening]);
  dialler.link.drop();
  for (const { causes } of [dialler, acceptor]) {
    assert.equal(causes.length, 1);
    assert.ok(causes[0] instanceof HostLostError && causes[0].exit === "lost");
  }
  session.send(tell(1));
  session.goodbye("too late");
  assert.equal(clock.pending, 0);
});

Deno.test("Session ends with the error that its owner throws", async () => {
  const error = new Error("the owner is broken");
  for (const late of [false, true]) {
    const { dialler, acceptor } = sides({}, {
      onFrame: () => {
        throw error;
      },
    });
    const session = await dialler.opening;
    if (late) await settled();
    session.send(tell(1));
    const cause = await acceptor.closed;
    assert.equal(cause.cause, error);
    assert.ok(await dialler.closed instanceof HostLostError);
  }
});

Deno.test("Session refuses a second handshake", async () => {
  const { side, peer } = bare("accept");
  peer.send(hello(PROTOCOL_VERSION));
  await side.opening;
  peer.send(hello(PROTOCOL_VERSION));
  assert.ok(await side.closed instanceof ProtocolError);
});
