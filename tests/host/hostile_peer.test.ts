/** Things that another host may say and that have gone wrong once: each harms nobody but who said it. */
import assert from "node:assert/strict";
import { encode, ExtData } from "@msgpack/msgpack";
import { onPool, type PoolAddress, startHost, workerPool } from "@dramatis/dramatis";
import { SYSTEM_CLOCK } from "../../src/core/clock.ts";
import { ProtocolError } from "../../src/core/host_errors.ts";
import type { FrameKind, RawFrame } from "../../src/core/protocol.ts";
import { dialHost } from "../../src/link/dial.ts";
import { type MemoryLink, memoryLinks } from "../../src/link/memory.ts";
import { openSession } from "../../src/link/session.ts";
import type { Session, SessionOptions } from "../../src/link/session_options.ts";
import type { Link } from "../../src/link/link.ts";
import { Codec } from "../../src/core/codec.ts";
import { NODE } from "../../src/core/nodes.ts";
import { Target } from "../fixtures/fuzz_actors.ts";
import { ACTORS, Letters } from "../integration/placements.ts";
import { Counter } from "../fixtures/actors.ts";
import { BareHost } from "./bare_host.ts";

const HOST = 0xa;
const PEER = 0xbad;
const RESUME = { clock: SYSTEM_CLOCK, heartbeatMs: 1000, graceMs: 0 };

/** A host that says what it is told. */
class Peer {
  readonly heard: RawFrame[] = [];
  readonly #waiting: ((frame: RawFrame) => void)[] = [];
  readonly ended = Promise.withResolvers<Error>();
  session!: Session;

  static async open(link: Link, options: Partial<SessionOptions> = {}): Promise<Peer> {
    const peer = new Peer();
    peer.session = await openSession(link, new Codec(), {
      self: { id: PEER, address: null, pools: [] },
      role: "dial",
      onFrame: (frame) => peer.#take(frame),
      onClosed: (cause) => peer.ended.resolve(cause),
      ...options,
    });
    return peer;
  }

  /** Sends a frame with any body. */
  say(kind: FrameKind, id: number, to: PoolAddress, fields: unknown[], from = PEER): void {
    const body = encode(fields);
    this.session.forward({
      kind,
      id,
      hops: 0,
      to,
      from: { host: from, pool: 0 },
      body,
      segments: [],
    });
  }

  /** The next frame that comes. */
  next(): Promise<RawFrame> {
    const frame = this.heard.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #take(frame: RawFrame): void {
    // What it is told of third hosts comes whenever there are some.
    if (frame.kind === "hosts") return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.heard.push(frame);
    else waiting(frame);
  }
}

/** A value that is a table of these nodes, the first of them its root. */
function table(...nodes: unknown[]): ExtData {
  return new ExtData(1, encode([[0], nodes]));
}

/** Well formed as bytes, but no value: nothing has this tag. */
const UNREADABLE = table([NODE.array, [1]], [NODE.extension, "nothing", null, 0]);

/** A bare host and a peer, linked. */
async function linked(): Promise<{ host: BareHost; peer: Peer; link: MemoryLink }> {
  const host = await BareHost.start(HOST, []);
  const [here, there] = memoryLinks(host.codec, new Codec());
  const accepted = host.peers.accept(here);
  const peer = await Peer.open(there);
  await accepted;
  return { host, peer, link: there };
}

Deno.test("hosts: an answer that cannot be read fails its call, be it a result or an error", async () => {
  const { host, peer } = await linked();
  for (const kind of ["reply", "failure"] as const) {
    const call = host.refTo<Target>("far", PEER).echo(1);
    const { id } = await peer.next();
    peer.say(kind, id, host.address, [UNREADABLE]);
    await assert.rejects(call, ProtocolError);
  }
  assert.equal(host.main.exchange.waiting, 0);
  await host.stop();
});

Deno.test("hosts: an answer that cannot be read fails no call to another host", async () => {
  const { host, peer } = await linked();
  const [here, there] = memoryLinks(host.codec, new Codec());
  const accepted = host.peers.accept(here);
  const other = await Peer.open(there, { self: { id: 0xc, address: null, pools: [] } });
  await accepted;
  const call = host.refTo<Target>("far", PEER).echo(1);
  const { id } = await peer.next();
  for (const kind of ["reply", "failure"] as const) {
    other.say(kind, id, host.address, [UNREADABLE], 0xc);
    other.say(kind, id, host.address, [5], 0xc);
  }
  // What was said before this has been heard.
  other.say("call", 1, host.address, ["dramatis:host", "has", ["x"]], 0xc);
  await other.next();
  peer.say("reply", id, host.address, ["mine"]);
  assert.equal(await call, "mine");
  await host.stop();
});

Deno.test("hosts: a message that cannot be read is refused or a dead letter, and the link stays", async () => {
  const { host, peer } = await linked();
  peer.say("tell", 0, host.address, ["x", "m", UNREADABLE]);
  peer.say("batch", 0, host.address, ["x", "m", UNREADABLE]);
  peer.say("cancel", 9, host.address, ["x", UNREADABLE]);
  peer.say("call", 7, host.address, ["x", "m", UNREADABLE]);
  const answer = await peer.next();
  assert.deepEqual([answer.kind, answer.id], ["failure", 7]);
  assert.deepEqual(host.letters.map(({ reason }) => reason.name), [
    "ProtocolError",
    "ProtocolError",
  ]);
  await host.stop();
});

Deno.test("hosts: a message that cannot be read does not end the worker it is for", async () => {
  const letters = new Letters();
  await using host = await startHost({
    listen: { port: 0 },
    pools: [workerPool({ count: 1 })],
    modules: [ACTORS],
    onDeadLetter: letters.take,
  });
  const [, worker] = host.pools();
  const counter = await host.createActor(Counter, [1], { place: onPool(worker!) });
  const peer = await Peer.open(
    await dialHost(`ws://${host.address}/link`, {}, RESUME, new Codec()),
  );
  for (const kind of ["tell", "batch"] as const) {
    peer.say(kind, 0, worker!, ["x", "m", UNREADABLE]);
    assert.match((await letters.next()).reason.message, /extension/);
  }
  assert.equal(await counter.add(1), 2);
  peer.session.goodbye("done");
  await peer.ended.promise;
});

Deno.test("hosts: what is said to a third host, or in its name, without a link with it goes nowhere", async () => {
  const { host, peer } = await linked();
  const third = await BareHost.start(0xc, []);
  const [here, there] = memoryLinks(host.codec, third.codec);
  await Promise.all([third.peers.greet(here), host.peers.accept(there)]);
  await third.create(Target, [], "target");
  const to = third.address;
  // Whoever relays it, the third host takes nothing from hosts that have not introduced themselves.
  for (const from of [PEER, 0xd]) {
    for (const kind of ["tell", "goodbye", "down", "pools", "hosts", "welcome"] as const) {
      peer.say(kind, 0, to, ["target", "echo", []], from);
    }
    peer.say("call", 5, to, ["target", "echo", [1]], from);
  }
  // For all but the goodbye; what is said in an unknown host's name is answered to nobody.
  for (let i = 0; i < 6; i++) {
    const { kind, from } = await peer.next();
    assert.deepEqual([kind, from.host], ["goodbye", 0xc]);
  }
  assert.deepEqual(third.letters, []);
  assert.deepEqual(third.peers.hosts.map(({ id }) => id), [HOST]);
  assert.deepEqual(host.peers.hosts.map(({ id }) => id), [PEER, 0xc]);
  await third.stop();
  await host.stop();
});

Deno.test("hosts: a frame in this host's own name ends the link of who sent it, not that of a third", async () => {
  const { host, peer } = await linked();
  const [here, there] = memoryLinks(host.codec, new Codec());
  const accepted = host.peers.accept(here);
  const third = await Peer.open(there, { self: { id: 0xc, address: null, pools: [] } });
  await accepted;
  peer.say("tell", 0, { host: 0xc, pool: 0 }, ["x", "m", []], HOST);
  assert.match((await peer.ended.promise).message, /in our name/);
  assert.deepEqual(third.heard, []);
  assert.deepEqual(host.peers.hosts.map(({ id }) => id), [0xc]);
  await host.stop();
});

Deno.test("hosts: a peer describes no pools but its own, from its first word on", async () => {
  const host = await BareHost.start(HOST, []);
  const [here, there] = memoryLinks(host.codec, new Codec());
  const accepted = host.peers.accept(here);
  const [pool] = host.desk.pools();
  await assert.rejects(
    Peer.open(there, { self: { id: PEER, address: null, pools: [pool!] } }),
    { name: "LinkRefusedError", message: /describes another host's pools/ },
  );
  await accepted;
  assert.deepEqual(host.peers.hosts, []);
  assert.deepEqual(host.desk.pools(), [pool]);
  await host.stop();
});

Deno.test("hosts: a list of holes is not counted through", async () => {
  const { host, peer } = await linked();
  await host.create(Target, [], "target");
  const holes = [NODE.sparse, 2 ** 32 - 1];
  const to = host.address;
  peer.say("batch", 1, to, ["target", "echo", table(holes)]);
  peer.say("batch", 2, to, ["target", "echo", table([NODE.array, [1]], holes)]);
  peer.say("call", 3, to, ["target", "echo", table(holes)]);
  const type = { module: "", export: "", name: "x", version: "" };
  const order = table(
    [NODE.array, [1], "cpu", [2], [3]],
    [NODE.object, ...Object.entries(type).flat()],
    holes,
    [NODE.object],
  );
  peer.say("call", 4, to, ["dramatis:host", "create", order]);
  for (let i = 0; i < 4; i++) assert.equal((await peer.next()).kind, "failure");
  const call = host.refTo<Target>("far", PEER).row.batchSettled([[1], [2]]);
  const { id } = await peer.next();
  peer.say("reply", id, to, [
    table([NODE.object, "values", [1], "failures", [2]], holes, [NODE.array]),
  ]);
  await assert.rejects(call, ProtocolError);
  await host.stop();
});

Deno.test("hosts: a call that comes twice is passed on twice and leaves nothing behind", async () => {
  const { host, peer } = await linked();
  const [uplink, downlink] = memoryLinks(host.codec);
  // A pool of the host, as far as its router sees it, to which the actor has moved.
  host.router.pools.set(1, { link: uplink } as never);
  uplink.open({ frame: (frame) => host.router.forward(frame), closed: () => {} });
  downlink.open({
    frame: ({ id, from, to }) =>
      downlink.send({ kind: "reply", id, to: from, from: to, value: id }),
    closed: () => {},
  });
  host.desk.locate = () => ({ host: HOST, pool: 1 });
  for (let i = 0; i < 2; i++) peer.say("call", 5, host.address, ["there", "m", []]);
  await peer.next();
  await peer.next();
  assert.equal(host.main.exchange.waiting, 0);
  assert.equal(host.main.redirects.relayed, 0);
  await host.stop();
});
