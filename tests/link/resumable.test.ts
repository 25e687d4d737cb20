/** Links that outlive their sockets: nothing lost, nothing doubled, order kept. */
import assert from "node:assert/strict";
import { settled } from "@dramatis/dramatis/testing";
import { HostLostError, LinkRefusedError, ProtocolError } from "../../src/core/host_errors.ts";
import type { LinkSocketEvent } from "../../src/link/link_socket.ts";
import { argsOf, Ear, pattern, random, tell } from "../contract/link_helpers.ts";
import { testLinkContract } from "../contract/link_contract.ts";
import { MemoryNetwork } from "./memory_network.ts";
import { Resumed } from "./resumable_helpers.ts";

testLinkContract({
  name: "webSocketLink over ResumableSocket",
  sharesMemory: false,
  async pair(codec) {
    const { webSocketLink } = await import("../../src/link/websocket.ts");
    const resumed = await Resumed.open();
    const [a, b] = [resumed.near, resumed.accepted[0]!];
    return { a: webSocketLink(a, codec), b: webSocketLink(b, codec) };
  },
});

/** Fails unless the tells that came are those that were sent, in order. */
function assertAll({ codec }: Resumed, ear: Ear, count: number): void {
  const ids = ear.frames.map(({ id }) => id);
  assert.equal(ids.length, count);
  assert.ok(ids.every((id, i) => id === i), "lost, doubled or out of order");
  assert.deepEqual(argsOf(codec.decode(ear.frames.at(-1)!)), [count - 1]);
}

for (const seed of [1, 2, 3, 4]) {
  Deno.test(`ResumableSocket: 50,000 messages each way, cut at random (${seed})`, async () => {
    const pair = await Resumed.open();
    const { a, b, network, clock } = pair;
    const ears = [new Ear(a), new Ear(b)] as const;
    const next = random(seed);
    let cuts = 0;
    network.delivered = () => {
      if (next() < 0.05) {
        cuts++;
        network.cut();
      }
    };
    const count = 50_000;
    for (const sent = [0, 0]; Math.min(...sent) < count;) {
      for (const [side, link] of [a, b].entries()) {
        const burst = Math.min(Math.floor(next() * 40), count - sent[side]!);
        for (let i = 0; i < burst; i++) link.send(tell(sent[side]!, sent[side]!++));
      }
      await clock.advance(next() < 0.2 ? 60 : 0);
    }
    network.delivered = () => {};
    await clock.advance(1000);
    for (const ear of ears) assertAll(pair, ear, count);
    assert.ok(cuts > 100, `${cuts} cuts`);
    a.close();
    await settled();
    assert.deepEqual(ears.map(({ closings }) => closings), [[undefined], [undefined]]);
    assert.equal(clock.pending, 0);
  });
}

Deno.test("ResumableSocket: large and small frames to several actors, cut at random", async () => {
  const pair = await Resumed.open();
  const { a, network, clock, codec } = pair;
  const ear = new Ear(pair.b);
  const next = random(5);
  let cuts = 0;
  network.delivered = () => {
    if (cuts < 70 && next() < 0.05) {
      cuts++;
      network.cut();
    }
  };
  const sent = [0, 0, 0];
  const payload = pattern(700_000);
  for (let i = 0; i < 3000; i++) {
    const actor = Math.floor(next() * 3);
    const value = i % 50 === 0 ? payload : i % 20 === 0 ? payload.subarray(0, 200_000) : null;
    a.send({ ...tell(sent[actor]!++, value), uid: `actor-${actor}` });
    if (i % 10 === 0) await clock.advance(60);
  }
  const heard = ear.heard(3000);
  for (let turns = 0; turns < 500 && ear.frames.length < 3000; turns++) {
    await clock.advance(60);
    // The link looks every 2 ms of real time whether a full socket has drained.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await heard;
  assert(cuts >= 20, `${cuts} cuts`);
  const got = [0, 0, 0];
  for (const raw of ear.frames) {
    const frame = codec.decode(raw);
    const actor = Number((frame as { uid: string }).uid.at(-1));
    assert.equal(frame.id, got[actor]!++);
    const [value] = argsOf(frame);
    if (value instanceof Uint8Array) {
      assert.equal(
        value.length === 700_000 ? value[699_999] : value[199_999],
        payload[value.length - 1],
      );
    }
  }
  assert.deepEqual(got, sent);
  // Whoever closes without a socket tells nobody.
  network.delivered = () => {};
  await clock.advance(1000);
  a.close();
  await ear.closing;
});

Deno.test("ResumableSocket: a fence of any length within the grace time holds up, and loses nothing", async () => {
  for (const ms of [500, 2_000, 4_000, 11_000]) {
    const pair = await Resumed.open();
    const { a, b, network, clock } = pair;
    const ears = [new Ear(a), new Ear(b)] as const;
    let id = 0;
    const send = () => {
      for (const link of [a, b]) link.send(tell(id, id));
      id++;
    };
    for (let i = 0; i < 100; i++) send();
    await clock.advance(300);
    send();
    network.fence();
    for (let i = 0; i < 100; i++) send();
    await clock.advance(ms);
    assert.equal(a.isInterrupted, ms > 3000);
    send();
    network.lift();
    await clock.advance(3000);
    assert.equal(a.isInterrupted, false);
    send();
    await settled();
    for (const ear of ears) assertAll(pair, ear, id);
    a.close();
    await settled();
    assert.equal(clock.pending, 0);
  }
});

Deno.test("ResumableSocket: past the grace time both ends are lost", async () => {
  const { a, b, network, clock } = await Resumed.open();
  const ears = [new Ear(a), new Ear(b)];
  await clock.advance(100);
  network.fence();
  await clock.advance(13_000 - 101);
  assert.deepEqual(ears.map(({ closings }) => closings.length), [0, 0]);
  await clock.advance(1_001);
  for (const { closings } of ears) {
    const [error] = closings;
    assert.ok(error instanceof HostLostError && error.exit === "silent", String(error));
    assert.match(error.message, /not back within 10000 ms/);
  }
  assert.equal(clock.pending, 0);
});

Deno.test("ResumableSocket: a dead process is known within three heartbeats, on both sides", async () => {
  const { a, b, network, clock } = await Resumed.open();
  const ears = [new Ear(a), new Ear(b)];
  network.fault = "ECONNREFUSED";
  network.cut();
  await clock.advance(2_400);
  assert.deepEqual(ears.map(({ closings }) => closings.length), [0, 0]);
  await clock.advance(300);
  for (const { closings } of ears) {
    const [error] = closings;
    assert.ok(error instanceof HostLostError && error.exit === "lost", String(error));
  }
  assert.match(ears[0]!.closings[0]!.message, /nobody listens there any more/);
  assert.equal(clock.pending, 0);
});

Deno.test("ResumableSocket: a restarted host does not know the session, and says so at once", async () => {
  const pair = await Resumed.open();
  const ear = new Ear(pair.a);
  const other = await Resumed.open();
  // From now on the dials lead to another incarnation.
  pair.network.dial = (take, signal) => other.network.dial(take, signal);
  pair.network.cut();
  await pair.clock.advance(100);
  assert.match(ear.closings[0]!.message, /session is not known/);
});

Deno.test("ResumableSocket: with a grace time of 0 a cut is the end", async () => {
  const { a, b, network, clock } = await Resumed.open({ graceMs: 0 });
  const ears = [new Ear(a), new Ear(b)];
  network.cut();
  for (const { closings } of ears) assert.ok(closings[0] instanceof HostLostError);
  assert.equal(clock.pending, 0);
});

Deno.test("ResumableSocket: closing while it is interrupted ends this side at once, the other at its return", async () => {
  const { a, b, network, clock } = await Resumed.open();
  const ears = [new Ear(a), new Ear(b)];
  network.cut();
  b.close();
  assert.deepEqual(ears[1]!.closings, [undefined]);
  await clock.advance(100);
  assert.ok(ears[0]!.closings[0] instanceof HostLostError);
  assert.equal(clock.pending, 0);
});

Deno.test("ResumableSocket: dials again at random times, ever less often, and not once it is back", async () => {
  const { a, network, clock } = await Resumed.open();
  const ear = new Ear(a);
  const times: number[] = [];
  const dial = network.dial.bind(network);
  network.dial = (take, signal) => {
    times.push(clock.now());
    return dial(take, signal);
  };
  network.fault = "EHOSTUNREACH";
  network.cut();
  // The side that was dialled gives up within three heartbeats; this one only when it hears of that.
  await clock.advance(9_900);
  assert.equal(a.isInterrupted, true);
  const gaps = times.map((time, i) => time - (times[i - 1] ?? 0));
  assert.ok(gaps[0]! <= 50 && gaps[1]! <= 100 && gaps[2]! <= 200, String(gaps));
  assert.ok(gaps.every((gap) => gap <= 250), String(gaps));
  assert.ok(new Set(gaps).size > gaps.length / 2, String(gaps));
  assert.ok(times.length > 40 && times.length < 200, `${times.length} dials`);
  await clock.advance(100);
  assert.ok(ear.closings[0] instanceof HostLostError);
  assert.equal(clock.pending, 0);
});

Deno.test("ResumableSocket: keeps 64 MiB and no more, and lets go of what has come", async () => {
  const { near, accepted: [far], network, clock } = await Resumed.open();
  let came = 0;
  far!.addEventListener("message", () => came++);
  const message = new Uint8Array(2 ** 20);
  network.fence();
  for (let i = 0; i < 63; i++) near.send(message);
  assert.equal(near.bufferedAmount, 0, "the socket takes it all");
  near.send(message);
  assert.equal(near.bufferedAmount, 64 * 2 ** 20, "now whoever sends waits");
  network.lift();
  await settled();
  assert.equal(came, 64);
  assert.equal(near.bufferedAmount, 0);
  near.close();
  await settled();
  assert.equal(clock.pending, 0);
});

/** A socket to an acceptor by hand: what comes on it, and a way to speak. */
async function knock(pair: Resumed) {
  const heard: Uint8Array[] = [];
  const closings: LinkSocketEvent[] = [];
  const socket = await pair.network.dial((socket) => {
    socket.addEventListener(
      "message",
      ({ data }) => heard.push(new Uint8Array(data as ArrayBuffer)),
    );
    socket.addEventListener("close", (event) => closings.push(event));
    return socket;
  });
  await settled();
  return { socket, heard, closings };
}

Deno.test("LinkAcceptor: a handshake that was recorded opens nothing when it is replayed", async () => {
  const pair = await Resumed.open();
  const { network, accepted, clock } = pair;
  const recorded: Uint8Array<ArrayBuffer>[] = [];
  const dial = network.dial.bind(network);
  network.dial = (take, signal) =>
    dial((socket) => {
      const send = socket.send.bind(socket);
      socket.send = (data) => {
        recorded.push(data.slice());
        send(data);
      };
      return take(socket);
    }, signal);
  const session = await pair.dial();
  network.cut();
  await clock.advance(100);
  network.dial = dial;
  assert.equal(accepted.length, 2);
  assert.equal(recorded.length, 3, "a session begun, and two that went on");
  for (const message of recorded) {
    const { socket, heard, closings } = await knock(pair);
    socket.send(message);
    await settled();
    assert.equal(heard.length, 1, "nothing but the challenge");
    assert.equal(closings[0]!.code, 4002);
  }
  assert.equal(session.isInterrupted, false);
  assert.equal(accepted.length, 2);
  session.close();
  pair.a.open(new Ear());
  pair.a.close();
  await settled();
  assert.equal(clock.pending, 0);
});

Deno.test("LinkAcceptor: the wrong token opens nothing", async () => {
  const pair = await Resumed.open();
  await assert.rejects(pair.dial("another"), LinkRefusedError);
  assert.equal(pair.accepted.length, 1);
});

Deno.test("LinkAcceptor: another version is named on both sides", async () => {
  const pair = await Resumed.open();
  const { socket, heard, closings } = await knock(pair);
  const answer = heard[0]!.slice();
  answer[0] = 6;
  answer[1] = 77;
  socket.send(answer);
  await settled();
  assert.equal(closings[0]!.code, 1002);
  assert.match(closings[0]!.reason!, /version 77 of the protocol, this one version 1$/);
  // The other way round.
  const network = new MemoryNetwork((socket) => socket.send(Uint8Array.of(5, 77, 0)));
  pair.network.dial = (take) => network.dial(take);
  await assert.rejects(
    pair.dial(),
    (error: Error) =>
      error instanceof ProtocolError && /version 77 .* version 1$/.test(error.message),
  );
});

Deno.test("LinkAcceptor: anything else than an answer is refused", async () => {
  const pair = await Resumed.open();
  for (const bytes of [[], [0], [6], [6, 1, 0], new Array(58).fill(0), new Array(58).fill(255)]) {
    const { socket, closings } = await knock(pair);
    socket.send(Uint8Array.from(bytes));
    await settled();
    assert.equal(closings[0]!.code, 1002);
  }
});

Deno.test("LinkAcceptor: 1,000 that say nothing keep nobody out, and are cut", async () => {
  const pair = await Resumed.open();
  const silent = [];
  for (let i = 0; i < 1000; i++) silent.push(await knock(pair));
  const session = await pair.dial();
  assert.equal(session.isInterrupted, false);
  const cut = silent.filter(({ closings }) => closings.length > 0);
  assert.ok(cut.length >= 744, `${cut.length} were cut at once`);
  assert.ok(cut.every(({ closings }) => closings[0]!.code === 1013));
  await pair.clock.advance(5_000);
  assert.ok(silent.every(({ closings }) => closings.length > 0), "the rest in time");
});

for (
  const [what, bytes] of [
    ["more than was sent", [4, 9, 0, 0, 0, 0, 0]],
    ["a number that was passed", [4, 0, 0, 0, 0, 0, 0]],
    ["an absurd number", [4, 255, 255, 255, 255, 255, 255]],
    ["a second handshake", [5, 1, 0]],
    ["nothing", []],
  ] as const
) {
  Deno.test(`ResumableSocket: a peer that says ${what} is cut off with a ProtocolError`, async () => {
    const pair = await Resumed.open();
    const { a, clock, network } = pair;
    const ears = [new Ear(a), new Ear(pair.b)];
    for (let i = 0; i < 3; i++) {
      a.send(tell(i));
      await settled();
    }
    // The acceptor says that three have come.
    await clock.advance(1_000);
    const [, far] = network.sockets;
    far!.send(Uint8Array.from(bytes));
    await settled();
    assert.ok(ears[0]!.closings[0] instanceof ProtocolError, String(ears[0]!.closings[0]));
    assert.ok(ears[1]!.closings[0] instanceof ProtocolError, String(ears[1]!.closings[0]));
    assert.equal(clock.pending, 0);
  });
}

Deno.test("ResumableSocket: a socket that is lost at once, again and again, is not dialled without a pause", async () => {
  const { a, network, clock } = await Resumed.open();
  new Ear(a);
  await clock.advance(1_000);
  network.delivered = () => {
    if (!a.isInterrupted) network.cut();
  };
  const before = network.dials;
  network.cut();
  await clock.advance(10_000);
  const dials = network.dials - before;
  assert.ok(dials > 40 && dials < 120, `${dials} dials`);
  network.delivered = () => {};
  await clock.advance(250);
  assert.equal(a.isInterrupted, false);
  a.close();
  await settled();
});
