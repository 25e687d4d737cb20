/** What a ref is: plain data with the actor's methods. */
import assert from "node:assert/strict";
import {
  type ActorRef,
  addressOf,
  formatHostId,
  isRef,
  onPool,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { refExtension } from "../../src/actor/ref.ts";
import type { Caller } from "../../src/actor/ref_method.ts";
import { Counter, Echo } from "../fixtures/actors.ts";
import { testEverywhere } from "../integration/placements.ts";

testEverywhere("a ref travels inside values and comes back equal", async (stage) => {
  const counter = await stage.host.createActor(Counter, [1]);
  const echo = await stage.create(Echo, []);
  const value = {
    list: [counter, [counter]],
    map: new Map([["ref", counter]]),
    set: new Set([counter]),
    deep: { er: { still: counter } },
  };
  const back = await echo.echo(value) as typeof value; // a ref's methods are not generic
  const refs = [
    back.list[0],
    (back.list[1] as ActorRef<Counter>[])[0],
    back.map.get("ref"),
    [...back.set][0],
    back.deep.er.still,
  ] as ActorRef<Counter>[];
  for (const ref of refs) {
    assert(isRef(ref));
    assert.deepEqual(addressOf(ref), addressOf(counter));
    await ref.add(1);
  }
  assert.equal(await counter.get(), 1 + refs.length);
  const alone = await echo.echo(counter) as ActorRef<Counter>;
  assert.deepEqual(addressOf(alone), addressOf(counter));
});

Deno.test("a ref shows where its actor is", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  const ref = await host.createActor(Counter, [], { uid: "c1", place: onPool(1) });
  const text = `ActorRef(c1 in pool 1 of host ${formatHostId(host.id)})`;
  assert.equal(Deno.inspect(ref), text);
  assert.match(Deno.inspect({ deep: [ref] }), /ActorRef\(c1 in pool 1/);
  assert.equal(`${ref}`, text);
  assert.equal(host.poolOf(ref).name, "worker-1");
  assert.deepEqual(addressOf(ref), { host: host.id, pool: 1, uid: "c1", generation: 1 });
});

Deno.test("a ref is read-only and has no properties of its own", async () => {
  await using host = await startHost({ pools: [] });
  const ref = await host.createActor(Counter, []);
  const anything = ref as unknown as Record<string, unknown>;
  assert.throws(() => anything["add"] = 1, { name: "TypeError", message: /Cannot set add/ });
  assert.throws(() => Object.defineProperty(anything, "add", { value: 1 }), TypeError);
  assert.throws(() => delete anything["add"], TypeError);
  assert.throws(() => Object.setPrototypeOf(ref, null), TypeError);
  assert.throws(() => Object.freeze(ref), TypeError);
  assert.deepEqual(Object.keys(ref), []);
  assert.equal("add" in ref, false);
  assert.equal(ref.add, ref.add, "a method is the same each time");
  assert.equal(await ref.add(1), 1);
});

Deno.test("a ref from the wire is checked", () => {
  const caller = {} as Caller;
  const { fromWire } = refExtension(() => ({ ...caller, balanced: () => caller }));
  assert.deepEqual(addressOf(fromWire([1, 2, "u", 3])), {
    host: 1,
    pool: 2,
    uid: "u",
    generation: 3,
  });
  const { replicas } = addressOf(fromWire([1, 2, "u", 3, [1, 2, 4, 5]]));
  assert.deepEqual(replicas, [{ host: 1, pool: 2 }, { host: 4, pool: 5 }]);
  const wrong: unknown[] = [
    {},
    [1, 2, "u"],
    [1, 2, 3, 3],
    [1, 2.5, "u", 3],
    [1, 2, "u", 3, [1, 2], 6],
    [1, 2, "u", 3, null],
    [1, 2, "u", 3, []],
    [1, 2, "u", 3, [1]],
    [1, 2, "u", 3, [1, "2"]],
    [1, 2, "u", 3, new Array(2 ** 32 - 2)],
    [1, 2, "u", 3, new Array(2048)],
  ];
  for (const data of wrong) assert.throws(() => fromWire(data), TypeError, Deno.inspect(data));
});

Deno.test("isRef and addressOf: tell refs from all else", () => {
  for (const value of [undefined, null, 1, "ref", {}, [], () => {}, { uid: "x", host: 1 }]) {
    assert.equal(isRef(value), false);
    assert.throws(() => addressOf(value as never), {
      name: "TypeError",
      message: /Expected an ActorRef, got/,
    });
  }
});
