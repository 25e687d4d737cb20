/** Acceptance scenario 2: hooks run in order, may call their actor, and may fail. */
import assert from "node:assert/strict";
import {
  ActorNotFoundError,
  type ActorRef,
  ActorStartError,
  mainPool,
  NotSerializableError,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Counter, Hooked, type HookFailure, Parent, Recorder } from "../fixtures/actors.ts";
import { Letters, type Stage, testEverywhere } from "./placements.ts";

async function openHooked(
  stage: Stage,
  failing: HookFailure,
): Promise<{ recorder: ActorRef<Recorder>; create: () => Promise<ActorRef<Hooked>> }> {
  const recorder = await stage.host.createActor(Recorder, []);
  const create = () => stage.create(Hooked, [recorder, failing], { uid: "hooked" });
  return { recorder, create };
}

testEverywhere("hooks: each runs once, and may call its own actor", async (stage) => {
  const { recorder, create } = await openHooked(stage, "none");
  const hooked = await create();
  assert.deepEqual(await recorder.entries(), ["create"]);
  await stage.host.destroyActor(hooked);
  assert.deepEqual(await recorder.entries(), ["create", "destroy"]);
});

testEverywhere("an actor may destroy itself from a method", async (stage) => {
  const { recorder, create } = await openHooked(stage, "none");
  const hooked = await create();
  assert.equal(await hooked.leave(), "bye");
  // Whoever destroys it once more waits for the same end, or comes too late.
  await stage.host.destroyActor(hooked).catch((error) => {
    assert(error instanceof ActorNotFoundError);
  });
  assert.deepEqual(await recorder.entries(), ["create", "destroy"]);
  assert.equal(await stage.host.hasActor(hooked), false);
  assert.equal(await (await create()).echo("again"), "again");
});

testEverywhere(
  "preDestroy that throws: the destroyer is told, the actor is gone",
  async (stage) => {
    const { recorder, create } = await openHooked(stage, "preDestroy");
    const hooked = await create();
    await assert.rejects(stage.host.destroyActor(hooked), (error: Error & { actor?: string }) => {
      assert(error instanceof RangeError);
      assert.equal(error.message, "preDestroy fails");
      assert.match(error.actor!, /^Hooked hooked in pool \d+ of host [0-9a-f]{12}$/);
      return true;
    });
    assert.deepEqual(await recorder.entries(), ["create", "destroy"]);
    assert.equal(await stage.host.hasActor(hooked), false);
    await assert.rejects(hooked.echo("there?"), ActorNotFoundError);
    await create();
  },
);

testEverywhere(
  "preDestroy that throws after an actor's own leave is a dead letter",
  async (stage) => {
    const { create } = await openHooked(stage, "preDestroy");
    const hooked = await create();
    assert.equal(await hooked.leave(), "bye");
    const { to, method, reason } = await stage.letter();
    assert.equal(to.uid, "hooked");
    assert.equal(method, "preDestroy");
    assert.equal(reason.message, "preDestroy fails");
  },
);

for (const failing of ["construct", "postCreate"] as const) {
  testEverywhere(`${failing} that throws leaves nothing behind`, async (stage) => {
    const { create } = await openHooked(stage, failing);
    await assert.rejects(create(), (error) => {
      assert(error instanceof ActorStartError);
      assert.equal(error.phase, failing);
      assert(error.cause instanceof RangeError);
      assert.equal(error.cause.message, `${failing} fails`);
      assert.match(error.actor!, /^Hooked hooked in pool \d+ of host [0-9a-f]{12}$/);
      assert.match(error.message, new RegExp(`Hooked hooked.*${failing} threw RangeError`));
      return true;
    });
    assert.equal(await stage.owner.hasActor("hooked"), false);
    await assert.rejects(stage.owner.actorRef("hooked"), ActorNotFoundError);
    const recorder = await stage.host.createActor(Recorder, []);
    const second = await stage.create(Hooked, [recorder], { uid: "hooked" });
    assert.equal(await second.echo("fine"), "fine");
  });
}

Deno.test("stop: a preDestroy may still use its context", async () => {
  const letters = new Letters();
  const host = await startHost({ pools: [workerPool({ count: 1 })], onDeadLetter: letters.take });
  await host.createActor(Parent, [], { place: mainPool() });
  assert.equal(await host.hasActor("child"), true);
  await host.stop();
  assert.equal(letters.size, 0, "nothing went wrong");
});

testEverywhere("createActor: an argument that cannot travel is named", async (stage) => {
  const unsendable = { deep: [() => {}] } as never;
  await assert.rejects(stage.create(Counter, [unsendable]), (error) => {
    assert(error instanceof NotSerializableError);
    assert.equal(error.path, "args[0].deep[0]");
    assert.match(error.message, /^Cannot send args\[0\]\.deep\[0\]: it is a function/);
    return true;
  });
});
