/** Acceptance scenario 6: an error is the same wherever it comes from. */
import assert from "node:assert/strict";
import { ActorFailedError, type ActorRef, NotSerializableError } from "@dramatis/dramatis";
import { Counter, Echo, Thrower } from "../fixtures/actors.ts";
import { type Stage, testEverywhere } from "./placements.ts";

type Located = Error & { actor: string; code?: number };

async function caught(promise: Promise<unknown>): Promise<Located> {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof Error);
    return error as Located;
  }
  assert.fail("it did not reject");
}

/** One in the place and one with the caller. */
async function twoThrowers(stage: Stage): Promise<[ActorRef<Thrower>, ActorRef<Thrower>]> {
  return [
    await stage.create(Thrower, [], { uid: "there" }),
    await stage.host.createActor(Thrower, [], { uid: "here" }),
  ];
}

/** The error's origin is the actor `there`, said once. */
function assertFromThere(error: Located, stage: Stage): void {
  const { pool, host } = stage.pool;
  const id = host.toString(16).padStart(12, "0");
  assert.equal(error.actor, `Thrower there in pool ${pool} of host ${id}`);
}

testEverywhere("a built-in error arrives as itself, with its fields and cause", async (stage) => {
  const [there] = await twoThrowers(stage);
  const error = await caught(there.builtIn());
  assert.equal(Object.getPrototypeOf(error), RangeError.prototype);
  assert.equal(error.message, "too far");
  assert.equal(error.code, 7);
  assert(error.cause instanceof URIError);
  assert.equal(error.cause.message, "why");
  assert.match(error.stack!, /actors\.ts/);
  assertFromThere(error, stage);
});

testEverywhere("any other error is the cause of an ActorFailedError", async (stage) => {
  const [there] = await twoThrowers(stage);
  const error = await caught(there.custom());
  assert(error instanceof ActorFailedError);
  assertFromThere(error, stage);
  assert.equal(error.message, `${error.actor}: custom threw QuotaError: no more`);
  const cause = error.cause as Error & { limit: number };
  assert(cause instanceof Error);
  assert.equal(cause.name, "QuotaError");
  assert.equal(cause.message, "no more");
  assert.equal(cause.limit, 3);
  assert.match(cause.stack!, /actors\.ts/);
  assert(cause.cause instanceof TypeError);
});

testEverywhere("what is no error is the cause of an ActorFailedError", async (stage) => {
  const [there] = await twoThrowers(stage);
  const error = await caught(there.noError());
  assert(error instanceof ActorFailedError);
  assert.deepEqual(error.cause, { reason: "just an object" });
});

testEverywhere(
  "an error caught across `unlocked` becomes what the catcher throws",
  async (stage) => {
    const [there, here] = await twoThrowers(stage);
    const error = await caught(there.translate(here));
    assert.equal(Object.getPrototypeOf(error), TypeError.prototype);
    assert.equal(error.message, "after a RangeError");
    assertFromThere(error, stage);
    assert.equal((await caught(here.translate(there))).message, "after a RangeError");
  },
);

testEverywhere("an error after an `unlocked` wait is the method's own", async (stage) => {
  const [there] = await twoThrowers(stage);
  const error = await caught(there.late());
  assert.equal(Object.getPrototypeOf(error), SyntaxError.prototype);
  assert.equal(error.message, "late");
  assertFromThere(error, stage);
  assert.equal(await there.fine(), "fine", "and the lock is free");
});

testEverywhere("an error says once where it happened, however many hops", async (stage) => {
  const [there, here] = await twoThrowers(stage);
  const far = await stage.create(Thrower, []);
  for (const [method, type] of [["builtIn", RangeError], ["custom", ActorFailedError]] as const) {
    const error = await caught(here.relay(there, method));
    assert.equal(Object.getPrototypeOf(error), type.prototype);
    assertFromThere(error, stage);
    const text = error.message + (error.cause as Error).message;
    assert(text.split("Thrower there").length <= 2, text);
    assert.doesNotMatch(text, /Thrower here/);
    assertFromThere(await caught(far.relay(there, method)), stage);
  }
});

testEverywhere("a result that cannot travel fails its call alone", async (stage) => {
  const [there] = await twoThrowers(stage);
  const echo = await stage.create(Echo, []);
  await assert.rejects(echo.echo({ f: () => {} }), (error) => {
    assert(error instanceof NotSerializableError);
    assert.equal(error.path, "args[0].f");
    return true;
  });
  assert.equal(await echo.echo(1), 1);
  assert.equal(await there.fine(), "fine");
});

testEverywhere("200 calls at once: each gets its own error", async (stage) => {
  const counter = await stage.create(Counter, []);
  const errors = await Promise.all(
    Array.from({ length: 200 }, (_, i) => caught(counter.fail(`number ${i}`))),
  );
  assert.deepEqual(errors.map(({ message }) => message), errors.map((_, i) => `number ${i}`));
  assert.equal(new Set(errors).size, 200);
});
