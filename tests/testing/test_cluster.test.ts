/** Hosts in one isolate that are linked without sockets. */
import assert from "node:assert/strict";
import { type Actor, type ActorRef, type Host, HostLostError, onHost } from "@dramatis/dramatis";
import {
  ManualClock,
  settled,
  startTestCluster,
  type TestClusterOptions,
  type TestHost,
} from "@dramatis/dramatis/testing";
import { Counter, Echo, Gate, Recorder } from "../fixtures/actors.ts";
import { Clock, Hop } from "../fixtures/message_actors.ts";
import { Courier, type Post } from "./fixtures/courier.ts";

const ACTORS = import.meta.resolve("../fixtures/actors.ts");

/** Two linked hosts by a clock of the test's own. */
async function started(options: TestClusterOptions = {}) {
  const clock = new ManualClock();
  const cluster = await startTestCluster({ clock, ...options });
  const [a, b] = cluster.hosts;
  return {
    cluster,
    clock,
    a,
    b,
    link: cluster.link(a, b),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** A ref for the one host to an actor that lives on the other. */
async function across(from: TestHost, { host }: TestHost): Promise<ActorRef<Hop>> {
  await host.createActor(Hop, [], { uid: "hop" });
  return await from.host.actorRef<Hop>("hop", host.id);
}

function linkedWith({ host }: { host: Host }): number[] {
  return host.hosts().map(({ id }) => id);
}

Deno.test("startTestCluster: calls across hosts are encoded, in order, and errors come back", async () => {
  await using stage = await started({ modules: [ACTORS] });
  const { a, b } = stage;
  assert.deepEqual([linkedWith(a), linkedWith(b)], [[b.host.id], [a.host.id]]);
  const echo = await a.host.createActor(Echo, [], { place: onHost(b.host.id) });
  assert.equal(a.host.poolOf(echo).host, b.host.id);
  const value = { when: new Date(0), list: new Map([[1n, Uint8Array.of(1, 2)]]) };
  assert.deepEqual(await echo.echo(value), value);
  const travelled = await echo.echo(echo) as ActorRef<Echo>;
  assert.equal(await travelled.echo("by a ref that came back"), "by a ref that came back");
  const recorder = await a.host.createActor(Recorder, [], { place: onHost(b.host.id) });
  for (let i = 0; i < 1000; i++) recorder.log.tell(i);
  assert.deepEqual(await recorder.entries(), Array.from({ length: 1000 }, (_, i) => i));
  const counter = await a.host.createActor(Counter, [], { place: onHost(b.host.id) });
  await assert.rejects(counter.fail("over there"), { message: "over there" });
  counter.fail.tell("nobody waits");
  await settled();
  assert.deepEqual([a.deadLetters.length, b.deadLetters.length], [0, 1]);
});

Deno.test("startTestCluster: every host is linked with every other", async () => {
  await using cluster = await startTestCluster({ hosts: 4 });
  const ids = cluster.hosts.map(({ host }) => host.id);
  for (const [i, host] of cluster.hosts.entries()) {
    assert.deepEqual(new Set(linkedWith(host)), new Set(ids.toSpliced(i, 1)));
  }
  const [first, second, third] = cluster.hosts;
  cluster.link(third!, first).drop();
  assert.equal(linkedWith(first).length, 2);
  assert.equal(linkedWith(second).length, 3);
});

Deno.test("startTestCluster refuses what is no cluster, and a link that is none", async () => {
  for (const hosts of [1, 0, -1, 2.5, NaN]) {
    await assert.rejects(startTestCluster({ hosts }), {
      name: "RangeError",
      message: `hosts is a whole number from 2 up, got ${hosts}`,
    });
  }
  await assert.rejects(startTestCluster({ heartbeatMs: 0 }), { name: "RangeError" });
  await using cluster = await startTestCluster();
  await using other = await startTestCluster();
  const [a] = cluster.hosts;
  for (const b of [a, other.hosts[0]]) {
    assert.throws(() => cluster.link(a, b), {
      name: "TypeError",
      message: "Expected two different hosts of this cluster",
    });
  }
});

Deno.test("TestLink.fence: a call that is held back has its time, and goes on after the lift", async () => {
  await using stage = await started();
  const { clock, a, b, link } = stage;
  const hop = await across(a, b);
  link.fence();
  const late = assert.rejects(hop.mark.with({ timeoutMs: 100 })("late"), {
    name: "CallTimeoutError",
  });
  const patient = hop.mark("patient");
  await clock.advance(100);
  await late;
  assert.deepEqual(await (await b.host.actorRef<Hop>("hop")).marks(), []);
  link.lift();
  assert.equal(await patient, "patient");
  // Its cancel came with it: the call has never run.
  assert.deepEqual(await hop.marks(), ["patient"]);
});

Deno.test("TestLink.fence: what has waited too long never runs, although its cancel did not come", async () => {
  await using stage = await started();
  const { clock, a, b, link } = stage;
  const hop = await across(a, b);
  const here = await b.host.actorRef<Hop>("hop");
  const held = new AbortController();
  const holding = here.follow.with({ signal: held.signal })([]);
  const late = assert.rejects(hop.mark.with({ timeoutMs: 100 })("late"), {
    name: "CallTimeoutError",
  });
  await settled();
  link.fence();
  await clock.advance(100);
  await late;
  held.abort(new RangeError("enough"));
  await assert.rejects(holding, { message: "enough" });
  assert.equal(await here.mark("next"), "next");
  assert.deepEqual(await here.marks(), ["next"]);
});

Deno.test("TestLink.fence: after three silent heartbeats each host takes the other to be lost", async () => {
  await using stage = await started({ heartbeatMs: 500 });
  const { clock, a, b, link } = stage;
  const hop = await across(a, b);
  await clock.advance(60_000);
  assert.deepEqual([linkedWith(a), linkedWith(b)], [[b.host.id], [a.host.id]]);
  link.fence();
  const errors: unknown[] = [];
  hop.follow([]).catch((error) => errors.push(error));
  await clock.advance(999);
  assert.equal(errors.length, 0);
  await clock.advance(501);
  const [error] = errors;
  assert(error instanceof HostLostError && error.exit === "silent");
  assert.deepEqual([linkedWith(a), linkedWith(b)], [[], []]);
  await assert.rejects(hop.mark("gone"), { name: "HostLostError" });
  assert.equal(clock.pending, 0);
  // What was held back belongs to a link that is over.
  link.lift();
  await settled();
  assert.deepEqual(linkedWith(b), []);
});

Deno.test("TestLink.drop: both hosts lose each other at once, and can be linked again", async () => {
  await using stage = await started();
  const { a, b, link } = stage;
  const [there, back] = [await across(a, b), await across(b, a)];
  const calls = [there.markWhenOpen("there"), back.markWhenOpen("back")];
  const lost = calls.map((call) => assert.rejects(call, { name: "HostLostError", exit: "lost" }));
  await settled();
  link.drop();
  await Promise.all(lost);
  await assert.rejects(there.mark("gone"), { name: "HostLostError" });
  await link.connect();
  await there.open();
  assert.deepEqual(await there.marks(), ["there"], "a call that was lost may have run");
  await assert.rejects(link.connect(), { name: "LinkRefusedError", message: /linked already/ });
  await back.open();
  assert.deepEqual(await back.marks(), ["back"], "the link that is there has not been touched");
});

Deno.test("startTestCluster: timers, streams and probes across hosts go by the one clock", async () => {
  await using stage = await started();
  const { clock, a, b } = stage;
  await b.host.createActor(Clock, [], { uid: "beats" });
  const beats = await a.host.actorRef<Clock>("beats", b.host.id);
  {
    using _timer = beats.tick.every(10_000, "tick");
    await clock.advance(60_000);
  }
  assert.equal((await beats.ticked(0)).length, 6);
  const courier = await a.host.createActor(Courier, []);
  const post = await b.probe<Post>({ uid: "post" });
  post.onCall("track", async function* () {
    for (let i = 0; i < 200; i++) yield await Promise.resolve(i);
  });
  const far = await a.host.actorRef<Post & Actor>("post", b.host.id);
  assert.equal((await courier.track(far, "bag")).length, 200);
  await post.next("track");
  const weight = courier.weigh(far, "stone");
  const { sender, reply } = await post.next("weigh");
  assert.equal(sender.host, a.host.id);
  reply(7);
  assert.equal(await weight, 7);
  await post.expectNone();
});

Deno.test("startTestCluster: its end waits for nobody behind a fence, nor for its probes", async () => {
  const cluster = await startTestCluster({ stopTimeoutMs: 2 ** 31 - 1 });
  const [a, b] = cluster.hosts;
  const gate = await a.host.createActor(Gate, []);
  await b.host.createActor(Gate, [], { uid: "far" });
  const far = await a.host.actorRef<Gate>("far", b.host.id);
  const courier = await a.host.createActor(Courier, []);
  const post = await b.probe<Post>({ uid: "post" });
  const weight = assert.rejects(
    courier.weigh(await a.host.actorRef("post", b.host.id), "stone"),
    { name: "ActorStoppedError" },
  );
  await post.next("weigh");
  cluster.link(a, b).fence();
  await far.open.tell();
  const followed = gate.follow(far, 1);
  await cluster[Symbol.asyncDispose]();
  await weight;
  assert.equal(await followed, 1);
});

Deno.test("a host that is lost gives up the calls it made: they do not hold the lock of others", async () => {
  await using stage = await started({ modules: [ACTORS] });
  const { a, b, link } = stage;
  const gate = await b.host.createActor(Gate, [], { uid: "gate" });
  const remote = await a.host.actorRef<Gate>("gate", b.host.id);
  const running = assert.rejects(remote.linger(), HostLostError);
  const waiting = assert.rejects(remote.pass(1), HostLostError);
  remote.pass.tell(2);
  await gate.entered();
  link.drop();
  await Promise.all([running, waiting]);
  assert((await gate.aborted()) instanceof HostLostError, "what runs sees its signal abort");
  await gate.open();
  await gate.pass(3);
  assert.deepEqual(await gate.passed(), [2, 3], "a call that waits is dropped, a tell is not");
});
