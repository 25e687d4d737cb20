/** What another host that was let in may send, however wrong it is: it harms nobody but itself. */
import assert from "node:assert/strict";
import v8 from "node:v8";
import vm from "node:vm";
import { type Batch, type Codec, FrameWriter, readFrames } from "../../src/core/codec.ts";
import { DramatisError } from "../../src/core/errors.ts";
import { ProtocolError } from "../../src/core/host_errors.ts";
import { type Frame, PROTOCOL_VERSION } from "../../src/core/protocol.ts";
import { BatchedLink } from "../../src/link/batched.ts";
import { RemoteStream } from "../../src/actor/remote_stream.ts";
import { openSession } from "../../src/link/session.ts";
import type { Session } from "../../src/link/session_options.ts";
import {
  assertUntouchedPrototypes,
  concat,
  FUZZ_TIMES,
  Mutator,
  withId,
} from "../core/mutations.ts";
import { sampleFrames } from "../core/frames.ts";
import { Target } from "../fixtures/fuzz_actors.ts";
import { BareHost } from "./bare_host.ts";

const HOST = 0xa;
const PEER = 0xbad;

type Bytes = Uint8Array<ArrayBuffer>;

/** The end of a link whose other end is a test with bytes. */
class WireLink extends BatchedLink {
  /** What was sent. */
  readonly sent: Bytes[] = [];
  /** Why the link has ended: an error, or nothing if it ended in order. */
  ending: { readonly error: Error | undefined } | undefined;

  constructor(codec: Codec) {
    super(codec, "inline");
  }

  /** Something comes, as from a stranger. */
  bring(bytes: Bytes): void {
    this.receive(bytes, "inline", false);
  }

  /** The connection is gone. */
  cut(): void {
    this.end(undefined);
    this.ending ??= { error: undefined };
  }

  protected override post({ bytes }: Batch): void {
    this.sent.push(bytes);
  }

  protected override shut(error?: Error): void {
    this.ending = { error };
    this.end(error);
  }
}

/** The bytes of a frame. */
function bytesOf(codec: Codec, frame: Frame): Bytes {
  const writer = new FrameWriter(codec, "inline");
  writer.write(frame);
  return writer.take().bytes;
}

/** Messages, and all that they start, have had their turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A session may end by these and by nothing else. */
function assertIsDocumented(ending: WireLink["ending"], bytes: Bytes): void {
  if (ending?.error === undefined || ending.error instanceof ProtocolError) return;
  throw new Error(`ended by ${bytes.toHex()}`, { cause: ending.error });
}

Deno.test("Session: batches of mutated frames end it with a ProtocolError or not at all", async () => {
  const { codec } = await BareHost.start(HOST, []);
  const mutator = new Mutator(7);
  // A second handshake or a goodbye ends it in order, which is worth a few tries only.
  const samples = Object.entries(sampleFrames())
    .filter(([name]) => !/hello|welcome|goodbye/.test(name))
    .map(([, frame]) => bytesOf(codec, frame));
  const self = { id: HOST, address: null, pools: [] };
  const counts = { opened: 0, refused: 0, frames: 0 };
  for (let i = 0; i < 10_000 * FUZZ_TIMES;) {
    const link = new WireLink(codec);
    const role = mutator.pick(["dial", "accept"] as const);
    let closings = 0;
    const opening = openSession(link, codec, {
      self,
      role,
      onFrame: (frame) => {
        counts.frames++;
        codec.decode(frame);
      },
      onClosed: () => closings++,
    });
    const kind = role === "dial" ? "welcome" : "hello";
    const host = { ...self, id: PEER };
    const greeting = bytesOf(codec, {
      kind,
      version: PROTOCOL_VERSION,
      host,
      ...{ id: 0, to: { host: 0, pool: 0 }, from: { host: PEER, pool: 0 } },
    });
    // One in four handshakes is wrong itself.
    if (mutator.below(4) === 0) link.bring(mutator.mutate(greeting, samples));
    else link.bring(greeting);
    let session: Session | undefined;
    let refusal: unknown;
    opening.then((opened) => session = opened, (error) => refusal = error);
    await turn();
    for (let more = 50; more > 0 && link.ending === undefined; more--) {
      const bytes = mutator.below(4) === 0 ? mutator.batch(samples) : mutator.muddle(samples);
      link.bring(bytes);
      i++;
      assertIsDocumented(link.ending, bytes);
    }
    if (link.ending === undefined) link.cut();
    await turn();
    if (session === undefined) {
      counts.refused++;
      assert.ok(refusal instanceof DramatisError, String(refusal));
      assert.equal(closings, 0);
    } else {
      counts.opened++;
      assert.equal(closings, 1);
    }
  }
  assert.ok(counts.opened > 250 && counts.refused > 25, JSON.stringify(counts));
  assert.ok(counts.frames > 250, JSON.stringify(counts));
});

/** What the peer may say rightly, to begin with: messages for the target, and for the host itself. */
function messagesOf(host: BareHost): Frame[] {
  const at = { to: host.address, from: { host: PEER, pool: 0 } };
  const type = { module: "", export: "", name: host.nameOf(Target), version: "" };
  const call = (method: string, ...args: unknown[]): Frame => (
    { kind: "call", id: 1, ...at, uid: "target", method, args }
  );
  const ask = (method: string, ...args: unknown[]): Frame => (
    { kind: "call", id: 2, ...at, uid: "dramatis:host", method, args }
  );
  const mutual = { budgetMs: 50, priority: 1, chain: new Uint8Array(30) };
  return [
    call("echo", 1, "two", [3, { four: 5 }]),
    call("echo", new Map([[{}, new Set([1n, undefined])]]), new Uint8Array(5000)),
    call("wait", 3),
    call("linger"),
    call("fail", { deep: [new Error("cause")] }),
    call("count", 1000),
    call("sum", new RemoteStream({ host: PEER, pool: 0 }, 5, host.main.streams)),
    call("echo", host.refTo("target", HOST), host.refTo("far", PEER)),
    { kind: "call", id: 3, ...at, uid: "target", method: "wait", args: [2], terms: mutual },
    { kind: "tell", id: 0, ...at, uid: "target", method: "echo", args: [new Date(0)] },
    { kind: "tell", id: 0, ...at, uid: "nobody", method: "echo", args: [1] },
    { kind: "batch", id: 4, ...at, uid: "target", method: "row", items: [[1], [new Map()]] },
    { kind: "batch", id: 0, ...at, uid: "target", method: "fail", items: [[1], [2]] },
    { kind: "cancel", id: 1, ...at, uid: "target", reason: new Error("enough") },
    { kind: "credit", id: 1, ...at, count: 64 },
    { kind: "drop", id: 1, ...at },
    ask("create", type, "cpu", [], { uid: "made" }),
    ask("destroy", "made", false),
    ask("has", "target"),
    ask("resolve", "target"),
    ask("pools"),
    ask("deadLetter", { to: { ...at.to, uid: "", generation: 0 }, method: "", reason: null }),
    { kind: "pools", id: 0, ...at, pools: [] },
    { kind: "down", id: 0, ...at, host: PEER, pool: 0, error: new Error("down") },
    { kind: "ping", id: 6, ...at },
  ];
}

/** What the peer may answer. */
function answersTo(host: BareHost): Frame[] {
  const at = { id: 0, to: host.address, from: { host: PEER, pool: 0 } };
  const stream = new RemoteStream({ host: PEER, pool: 0 }, 7, host.main.streams);
  return [
    { kind: "reply", ...at, value: 5 },
    { kind: "reply", ...at, value: [new Map([[1, new Set([undefined])]])] },
    { kind: "reply", ...at, value: stream },
    { kind: "reply", ...at, value: { values: [1, 2], failures: [[0, new Error("no")]] } },
    { kind: "failure", ...at, error: new TypeError("no", { cause: { a: [1n] } }) },
    { kind: "items", ...at, values: [1, new Date(0), 3] },
    { kind: "end", ...at, failed: true, error: new Error("over") },
    { kind: "end", ...at, failed: false, error: undefined },
    { kind: "credit", ...at, count: 3 },
    { kind: "drop", ...at },
  ];
}

async function* three(): AsyncGenerator<number> {
  Target.live++;
  try {
    yield* [1, 2, 3];
  } finally {
    Target.live--;
  }
}

/** Reads what may be a stream. */
async function readAll(call: Promise<AsyncIterable<unknown>>): Promise<number> {
  let count = 0;
  for await (const _ of await call) count++;
  return count;
}

/** How many messages that the peer has sent must have run, at least, for this to be a test. */
const MIN_RUNS = 300;

Deno.test("hosts: batches of mutated frames from a peer that was let in leave nothing behind", async () => {
  const host = await BareHost.start(HOST, [
    new URL("../fixtures/fuzz_actors.ts", import.meta.url).href,
  ]);
  await host.create(Target, [], "target");
  const { codec, main } = host;
  const far = host.refTo<Target>("far", PEER);
  const self = { id: PEER, address: null, pools: [] };
  const envelope = { id: 0, to: { host: 0, pool: 0 }, from: { host: PEER, pool: 0 } };
  const hello = bytesOf(codec, {
    kind: "hello",
    version: PROTOCOL_VERSION,
    host: self,
    ...envelope,
  });
  const messages = messagesOf(host).map((frame) => bytesOf(codec, frame));
  const answers = answersTo(host).map((frame) => bytesOf(codec, frame));
  let heap = 0;
  const counts = { links: 0, answered: 0, ended: 0 };
  for (let i = 0; i < 4_000 * FUZZ_TIMES; counts.links++) {
    const link = new WireLink(codec);
    const linked = host.peers.accept(link);
    link.bring(hello);
    await linked;
    assert.equal(host.peers.hosts.length, 1);
    const calls: Promise<unknown>[] = [
      far.echo(1),
      far.row.batch([[1], [2]]),
      readAll(far.count(10) as Promise<AsyncIterable<number>>),
      far.sum(three()),
    ];
    let open = calls.length;
    for (const call of calls) {
      call.then(() => counts.answered++, () => {}).finally(() => open--);
    }
    await turn();
    const ids = [...new Set(readFrames(concat(link.sent), "inline", false).map(({ id }) => id))];
    const mutator = new Mutator(i, [...ids, 0, 1, 2, 3, 4, 5, 2 ** 48 - 1]);
    const replies = ids.flatMap((id) => answers.map((frame) => withId(frame, id)));
    for (let more = 40; more > 0 && link.ending === undefined; more--) {
      const samples = mutator.below(2) === 0 ? messages : replies;
      // What cannot be read ends the link, and with it the chance of what comes after.
      const bytes = mutator.below(16) === 0 ? mutator.batch(samples) : mutator.muddle(samples);
      link.bring(bytes);
      i++;
      assertIsDocumented(link.ending, bytes);
      if (more % 8 === 0) await turn();
    }
    if (link.ending === undefined) link.cut();
    else counts.ended++;
    while (open > 0) await turn();
    assert.equal(main.exchange.waiting, 0);
    assert.equal(main.redirects.relayed, 0);
    assert.equal(host.peers.hosts.length, 0);
    host.letters.length = 0;
    if (counts.links === 150) heap = heapUsed();
  }
  const growth = heapUsed() - heap;
  assert.ok(growth < 16 * 2 ** 20, `the heap has grown by ${growth} bytes`);
  assert.ok(Target.runs > MIN_RUNS, `only ${Target.runs} messages have run`);
  assert.ok(counts.answered > 30 && counts.ended > 30, JSON.stringify(counts));
  await host.stop();
  await turn();
  assert.equal(main.streams.size, 0);
  assert.equal(main.size, 0);
  assert.equal(main.calls.deadlines.size, 0);
  assert.equal(Target.live, 0);
  assertUntouchedPrototypes();
});

/** After a collection. */
function heapUsed(): number {
  v8.setFlagsFromString("--expose-gc");
  vm.runInNewContext("gc")();
  return Deno.memoryUsage().heapUsed;
}
