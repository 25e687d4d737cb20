/** Calls that are given up, and who can be called at all. */
import assert from "node:assert/strict";
import { CallTimeoutError, isRef } from "@dramatis/dramatis";
import { Counter, Gate, Guarded } from "../fixtures/actors.ts";
import { endsInside, withEnoughTime } from "../integration/enough_time.ts";
import { testEverywhere } from "../integration/placements.ts";

testEverywhere(
  "with timeoutMs: the caller stops waiting, the queued message never runs",
  async (stage) => {
    const gate = await stage.create(Gate, [], { uid: "gate" });
    const running = gate.pass(1);
    await gate.entered();
    await assert.rejects(gate.pass.with({ timeoutMs: 20 })(2), (error) => {
      assert(error instanceof CallTimeoutError);
      assert.equal(error.timeoutMs, 20);
      assert.match(error.message, /pass of gate in pool \d+ .* did not answer in 20 ms/);
      return true;
    });
    await gate.open();
    assert.equal(await running, 1);
    assert.equal(await gate.pass(3), 3);
    assert.deepEqual(await gate.passed(), [1, 3]);
  },
);

testEverywhere("with timeoutMs: the running method sees its signal abort", async (stage) => {
  await withEnoughTime(async (timeoutMs) => {
    const gate = await stage.create(Gate, []);
    if (!await endsInside(gate.linger.with({ timeoutMs })(), gate.entered())) return false;
    assert(await gate.aborted() instanceof CallTimeoutError);
    await gate.open();
    assert.equal(await gate.pass(1), 1, "the lock is free");
    return true;
  });
});

testEverywhere("with timeoutMs: in time, the result comes and no timer stays", async (stage) => {
  const counter = await stage.create(Counter, [1]);
  assert.equal(await counter.add.with({ timeoutMs: 60_000 })(1), 2);
  await assert.rejects(counter.fail.with({ timeoutMs: 60_000 })("no"), { message: "no" });
  for (const timeoutMs of [NaN, -1]) {
    await assert.rejects(counter.get.with({ timeoutMs })(), { name: "RangeError" });
  }
  assert.equal(await counter.slow.with({ timeoutMs: Infinity })(5), 2);
});

testEverywhere("with: what fails at once leaves no timer and no listener", async (stage) => {
  const { host } = stage;
  const gate = await stage.create(Gate, [], { mailbox: { messages: 1 } });
  const running = gate.pass(0);
  await gate.entered();
  const waiting = gate.pass(1);
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  Object.defineProperty(signal, "addEventListener", {
    value: (...args: Parameters<typeof add>) => (listeners++, add(...args)),
  });
  Object.defineProperty(signal, "removeEventListener", {
    value: (...args: Parameters<typeof remove>) => (listeners--, remove(...args)),
  });
  const options = { timeoutMs: 60_000, signal };
  await assert.rejects(gate.pass.with(options)(2), { name: "MailboxFullError" });
  const unsendable = (() => {}) as unknown as number;
  await assert.rejects(gate.pass.with(options)(unsendable), { name: "NotSerializableError" });
  await gate.open();
  assert.deepEqual(await Promise.all([running, waiting]), [0, 1]);
  assert.equal(await gate.pass.with(options)(3), 3);
  await host.destroyActor(gate);
  await assert.rejects(gate.pass.with(options)(4), { name: "ActorNotFoundError" });
  assert.equal(listeners, 0);
});

testEverywhere(
  "with signal: the call rejects with its reason, queued or running",
  async (stage) => {
    const gate = await stage.create(Gate, []);
    const controller = new AbortController();
    const { signal } = controller;
    const lingering = gate.linger.with({ signal })();
    await gate.entered();
    const queued = gate.pass.with({ signal })(1);
    await gate.passed();
    const reason = new RangeError("never mind");
    controller.abort(reason);
    await assert.rejects(lingering, (error) => error === reason);
    await assert.rejects(queued, (error) => error === reason);
    await assert.rejects(gate.pass.with({ signal })(2), (error) => error === reason);
    const seen = await gate.aborted();
    assert(seen instanceof RangeError);
    assert.equal(seen.message, "never mind");
    await gate.open();
    assert.equal(await gate.pass(3), 3);
    assert.deepEqual(await gate.passed(), [3]);
  },
);

testEverywhere("with signal: without a reason it is an AbortError on both sides", async (stage) => {
  const gate = await stage.create(Gate, []);
  const controller = new AbortController();
  const lingering = gate.linger.with({ signal: controller.signal })();
  await gate.entered();
  controller.abort();
  await assert.rejects(lingering, { name: "AbortError" });
  assert.equal((await gate.aborted() as Error).name, "AbortError");
});

testEverywhere("only an actor's own public methods can be called", async (stage) => {
  const guarded = await stage.create(Guarded, []);
  assert.equal(await guarded.open(), 3);
  const anything = guarded as unknown as Record<string, () => Promise<unknown>>;
  for (
    const name of [
      "constructor",
      "toString",
      "toLocaleString",
      "valueOf",
      "hasOwnProperty",
      "isPrototypeOf",
      "__proto__",
      "__defineGetter__",
      "postCreate",
      "preDestroy",
      "unlocked",
      "context",
      "field",
      "computed",
      "#hidden",
      "prototype",
      "",
      "no such method",
    ]
  ) {
    await assert.rejects(anything[name]!(), (error) => {
      assert(error instanceof TypeError, `${name}: ${error}`);
      assert.match(error.message, /has no method .*; it has: open$/);
      return true;
    });
  }
  assert.equal(await guarded.open(), 3);
});

testEverywhere("a method that nobody has is a dead letter when told", async (stage) => {
  const counter = await stage.create(Counter, []);
  const anything = counter as unknown as Record<string, { tell(): void }>;
  anything["nothing"]!.tell();
  const { method, reason } = await stage.letter();
  assert.equal(method, "nothing");
  assert(reason instanceof TypeError);
});

testEverywhere("a ref is not thenable: it can be awaited and returned", async (stage) => {
  const counter = await stage.create(Counter, [4]);
  assert.equal((counter as { then?: unknown }).then, undefined);
  assert(isRef(await counter));
  assert(isRef(await Promise.resolve(counter)));
});
