/** An actor of the test's own, in the place of one that others depend on. */
import assert from "node:assert/strict";
import { type Actor, type ActorRef, addressOf, onPool, workerPool } from "@dramatis/dramatis";
import { type Probe, settled, startTestHost, type TestHost } from "@dramatis/dramatis/testing";
import type { Counter } from "../fixtures/actors.ts";
import { Courier, type Post } from "./fixtures/courier.ts";

/** A host, an actor under test and what it depends on. */
async function started(): Promise<
  { test: TestHost; courier: ActorRef<Courier>; post: Probe<Post> } & AsyncDisposable
> {
  const test = await startTestHost();
  const courier = await test.host.createActor(Courier, []);
  const post = await test.probe<Post>();
  return { test, courier, post, [Symbol.asyncDispose]: () => test[Symbol.asyncDispose]() };
}

Deno.test("Probe.next: messages in order, with method, arguments and sender", async () => {
  await using stage = await started();
  const { test, courier, post } = stage;
  await courier.note(post.ref, "one", "two");
  const weight = courier.weigh(post.ref, "stone");
  const first = await post.next();
  assert.deepEqual([first.method, first.args], ["note", ["one"]]);
  assert.deepEqual(first.sender, { host: test.host.id, pool: 0 });
  assert.deepEqual((await post.next("note")).args, ["two"]);
  const { args: [parcel, unit], reply } = await post.next("weigh");
  assert.deepEqual([parcel, unit], ["stone", "kg"]);
  reply(7);
  assert.equal(await weight, 7);
  await post.expectNone();
});

Deno.test("Probe.next waits for what has not come yet, each for its own", async () => {
  await using stage = await started();
  const { courier, post } = stage;
  const [first, second] = [post.next(), post.next()];
  await courier.note(post.ref, "one", "two");
  assert.deepEqual((await first).args, ["one"]);
  assert.deepEqual((await second).args, ["two"]);
});

Deno.test("Probe.next: a timeout names what did not come, and takes no later message", async () => {
  await using stage = await started();
  const { courier, post } = stage;
  const name = `Probe ${addressOf(post.ref).uid}`;
  await assert.rejects(post.next("weigh", { timeoutMs: 1 }), {
    name: "TimeoutError",
    message: `${name} got no weigh in 1 ms`,
  });
  await assert.rejects(post.next(undefined, { timeoutMs: 1 }), {
    message: `${name} got no message in 1 ms`,
  });
  for (const timeoutMs of [0, -1, NaN, Infinity]) {
    await assert.rejects(post.next("weigh", { timeoutMs }), {
      name: "RangeError",
      message: `timeoutMs is a number of milliseconds above 0, got ${timeoutMs}`,
    });
  }
  await courier.note(post.ref, "kept");
  assert.deepEqual((await post.next()).args, ["kept"]);
});

Deno.test("Probe.next: another method than expected is an error that shows it", async () => {
  await using stage = await started();
  const { courier, post } = stage;
  await courier.note(post.ref, "surprise");
  await assert.rejects(post.next("weigh"), {
    name: "TypeError",
    message: "Expected weigh, got note('surprise')",
  });
  await post.expectNone();
});

Deno.test("Probe: a message is answered once, by a value or an error", async () => {
  await using stage = await started();
  const { test, courier, post } = stage;
  const weight = courier.weigh(post.ref, "ghost");
  const refused = assert.rejects(weight, { name: "RangeError", message: "no such parcel" });
  const message = await post.next("weigh");
  message.fail(new RangeError("no such parcel"));
  await refused;
  assert.throws(() => message.reply(1), { name: "TypeError", message: /^weigh .* already$/ });
  assert.throws(() => message.fail(new Error("again")), { name: "TypeError" });
  await courier.note(post.ref, "told", "told");
  (await post.next("note")).reply();
  (await post.next("note")).fail(new RangeError("no note"));
  await settled();
  assert.deepEqual(test.deadLetters.map(({ reason }) => reason.message), ["no note"]);
});

Deno.test("Probe: calls that wait for their answers hold up no other", async () => {
  await using stage = await started();
  const { test, courier, post } = stage;
  const other = await test.host.createActor(Courier, []);
  const weights = [courier.weigh(post.ref, "one"), other.weigh(post.ref, "two")];
  const [one, two] = [await post.next("weigh"), await post.next("weigh")];
  two.reply(2);
  assert.equal(await weights[1], 2);
  one.reply(1);
  assert.equal(await weights[0], 1);
});

Deno.test("Probe.onCall answers a method, and the test sees its messages all the same", async () => {
  await using stage = await started();
  const { courier, post } = stage;
  post.onCall("weigh", (parcel) => {
    if (parcel === "ghost") throw new RangeError("no such parcel");
    return parcel.length;
  });
  post.onCall("deliver", async ({ name, bytes }) => `${await Promise.resolve(name)} ${bytes}`);
  post.onCall("track", async function* (parcel) {
    for (let i = 0; i < parcel.length; i++) yield await Promise.resolve(i);
  });
  assert.equal(await courier.weigh(post.ref, "stone"), 5);
  await assert.rejects(courier.weigh(post.ref, "ghost"), { name: "RangeError" });
  assert.deepEqual(await courier.weighAll(post.ref, ["a", "bb"]), [1, 2]);
  assert.equal(await courier.deliver(post.ref, "box"), "box 1,2,3");
  assert.deepEqual(await courier.track(post.ref, "bag"), [0, 1, 2]);
  const methods: string[] = [];
  for (let i = 0; i < 6; i++) methods.push((await post.next()).method);
  assert.deepEqual(methods, ["weigh", "weigh", "weigh", "weigh", "deliver", "track"]);
  await post.expectNone();
  post.onCall("weigh", () => 0);
  assert.equal(await courier.weigh(post.ref, "stone"), 0);
  const answered = await post.next("weigh");
  assert.throws(() => answered.reply(1), { message: /already/ });
  assert.throws(() => post.onCall("weigh", undefined as never), {
    name: "TypeError",
    message: 'onCall("weigh") takes a function, got undefined',
  });
});

Deno.test("Probe.expectNone: what is under way is waited for, without a sleep", async () => {
  await using stage = await started();
  const { courier, post } = stage;
  await post.expectNone();
  courier.note.tell(post.ref, "a", "b");
  await assert.rejects(post.expectNone(), {
    name: "TypeError",
    message: "Expected no message, got note('a'), note('b')",
  });
  await post.next();
  await assert.rejects(post.expectNone(), { message: "Expected no message, got note('b')" });
  await post.next();
  await post.expectNone();
});

Deno.test("Probe: every name is a method, hooks and names of objects too", async () => {
  await using test = await startTestHost();
  const probe = await test.probe<Record<string, (...args: unknown[]) => unknown>>();
  const ref = probe.ref as unknown as Record<string, { tell(...args: unknown[]): void }>;
  const names = ["postCreate", "toString", "constructor", "__proto__", "näme"];
  for (const name of names) ref[name]!.tell(name);
  for (const name of names) {
    const { method, args } = await probe.next();
    assert.deepEqual([method, args], [name, [name]]);
  }
});

Deno.test("Probe: it stands in for an actor class, under the uid that others look for", async () => {
  await using test = await startTestHost();
  const probe = await test.probe<Counter>({ uid: "counter" });
  probe.onCall("add", (k) => 100 + k);
  const counter = await test.host.actorRef<Counter>("counter");
  assert.equal(await counter.add(1), 101);
  const typed: ActorRef<Counter> = probe.ref;
  assert.equal(await typed.add(2), 102);
  await assert.rejects(test.probe({ uid: "counter" }), { name: "ActorExistsError" });
  await probe[Symbol.asyncDispose]();
  assert.equal(await test.host.hasActor("counter"), false);
  await using again = await test.probe<Counter>({ uid: "counter" });
  await again.expectNone();
});

Deno.test("Probe: with its end, calls that wait are refused, and so are those who wait for messages", async () => {
  await using stage = await started();
  const { courier, post } = stage;
  const refused = assert.rejects(courier.weigh(post.ref, "x"), { name: "ActorStoppedError" });
  await post.next("weigh");
  const waiting = assert.rejects(post.next("note"), { message: /^Probe .* has ended$/ });
  await post[Symbol.asyncDispose]();
  await Promise.all([refused, waiting]);
  await assert.rejects(post.next("note"), { message: /has ended$/ });
  await assert.rejects(post.expectNone(), { name: "ActorNotFoundError" });
  await post[Symbol.asyncDispose]();
});

Deno.test("Probe: workers call it too", async () => {
  await using test = await startTestHost({ pools: [workerPool({ count: 1 })] });
  const [, worker] = test.host.pools();
  const place = onPool(worker!);
  const courier = await test.host.createActor(Courier, [], { place });
  const post = await test.probe<Post>();
  const weight = courier.weigh(post.ref, "stone");
  const { args, sender, reply } = await post.next("weigh");
  assert.deepEqual([args, sender], [["stone", "kg"], { host: test.host.id, pool: worker!.pool }]);
  reply(7);
  assert.equal(await weight, 7);
  await courier.note(post.ref, "before the answer");
  await assert.rejects(post.expectNone(), /note/);
});

/** Never run: what the types let a test do. */
export async function types(post: Probe<Post>, counter: Probe<Counter>): Promise<void> {
  const message = await post.next();
  if (message.method === "weigh") message.reply(message.args[0].length);
  // @ts-expect-error: the arguments of another method
  else if (message.method === "note") message.args[1];
  const refOfInterface: ActorRef<Post & Actor> = post.ref;
  // @ts-expect-error: a post is no counter
  const refOfOther: ActorRef<Counter> = post.ref;
  void [refOfInterface, refOfOther];
  // @ts-expect-error: no such method
  await post.next("fly");
  // @ts-expect-error: a weight is a number
  (await post.next("weigh")).reply("heavy");
  // @ts-expect-error: a weight is a number
  post.onCall("weigh", () => "heavy");
  // @ts-expect-error: a hook is no method
  await counter.next("postCreate");
  (await counter.next("add")).args[0].toFixed();
}
