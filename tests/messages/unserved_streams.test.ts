/** A stream that is an argument of a message which never runs ends at once. */
import assert from "node:assert/strict";
import {
  type ActorRef,
  ActorStoppedError,
  MailboxFullError,
  onPool,
  PoolLostError,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Suspect } from "../fixtures/debug_actors.ts";
import { type Stage, testEverywhere } from "../integration/placements.ts";

/** Says when its consumer has left. */
class Items implements AsyncIterable<number> {
  readonly #left = Promise.withResolvers<void>();
  #isOpen = false;
  /** Resolves when nobody reads it any more; a call that could not be made has not begun it. */
  get left(): Promise<void> {
    return this.#isOpen ? this.#left.promise : Promise.resolve();
  }
  [Symbol.asyncIterator](): AsyncIterator<number> {
    this.#isOpen = true;
    return {
      next: () => Promise.resolve({ done: false, value: 1 }),
      return: () => {
        this.#left.resolve();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}

/** One that holds its lock, with room for so many messages. */
async function busy(stage: Stage, messages: number): Promise<[ActorRef<Suspect>, Promise<string>]> {
  const actor = await stage.create(Suspect, [], { mailbox: { messages } });
  const held = actor.hold();
  held.catch(() => {});
  await actor.entered();
  return [actor, held];
}

type Anything = (...args: unknown[]) => Promise<unknown>;

/** Any of its methods takes anything here. */
function methods(actor: ActorRef<Suspect>): Record<"add" | "none", Anything> {
  return actor as never;
}

testEverywhere("stream: an argument of a message that does not run ends", async (stage) => {
  const [actor, held] = await busy(stage, 1);
  const waiting = new Items();
  const deep = new Items();
  const nested = new Map([["deep", [{ set: new Set([deep]) }]]]);
  const controller = new AbortController();
  const call = (actor.add.with({ signal: controller.signal }) as unknown as Anything)(
    waiting,
    nested,
  );
  const refused = new Items();
  await assert.rejects(methods(actor).add(refused), MailboxFullError);
  await refused.left;
  const told = new Items();
  (actor.add.tell as unknown as Anything)(told, 1);
  assert((await stage.letter()).reason instanceof MailboxFullError);
  await told.left;
  controller.abort(new RangeError("enough"));
  await assert.rejects(call, RangeError);
  await Promise.all([waiting.left, deep.left]);
  const late = new Items();
  await assert.rejects((actor.add.with({ timeoutMs: 1 }) as unknown as Anything)(late), {
    name: "CallTimeoutError",
  });
  await late.left;
  const unknown = new Items();
  await assert.rejects(methods(actor).none(unknown), TypeError);
  await unknown.left;
  await actor.open();
  assert.equal(await held, "held");
});

testEverywhere("stream: an argument of a message to an actor that ends, ends", async (stage) => {
  const [first, held] = await busy(stage, 9);
  const queued = new Items();
  const call = assert.rejects(methods(first).add(queued), ActorStoppedError);
  const batched = new Items();
  const batch = assert.rejects(
    (first.add.batch as unknown as Anything)([[1, 2], [batched, 1]]),
    ActorStoppedError,
  );
  const destroyed = stage.host.destroyActor(first);
  await Promise.all([call, batch, queued.left, batched.left]);
  await stage.host.killActor(first);
  await Promise.allSettled([held, destroyed]);
  const gone = new Items();
  await assert.rejects(methods(first).add(gone), { name: "ActorNotFoundError" });
  await gone.left;
  const [second] = await busy(stage, 9);
  const killed = new Items();
  const last = assert.rejects(methods(second).add(killed), ActorStoppedError);
  await stage.host.killActor(second);
  await Promise.all([last, killed.left]);
});

testEverywhere(
  "stream: an argument of a message that is killed before it reads, ends",
  async (stage) => {
    const actor = await stage.create(Suspect, []);
    const [held, batched] = [new Items(), new Items()];
    const call = assert.rejects((actor.hold as unknown as Anything)(held), ActorStoppedError);
    await actor.entered();
    await stage.host.killActor(actor);
    await Promise.all([call, held.left]);
    const next = await stage.create(Suspect, []);
    const batch = (next.hold.batch as unknown as Anything)([[{ deep: [batched] }]]);
    batch.catch(() => {});
    await next.entered();
    await stage.host.killActor(next);
    await assert.rejects(batch, ActorStoppedError);
    await batched.left;
  },
);

Deno.test("stream: an argument in a pool that is gone ends, whether its message had begun or not", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 2 })] });
  const actor = await host.createActor(Suspect, [], { place: onPool(1) });
  const [running, queued] = [new Items(), new Items()];
  const calls = [
    (actor.hold as unknown as Anything)(running),
    methods(actor).add({ deep: [queued] }),
  ].map((call) => assert.rejects(call, PoolLostError));
  await actor.entered();
  await host.removePool(1, { force: true });
  await Promise.all([...calls, running.left, queued.left]);
});
