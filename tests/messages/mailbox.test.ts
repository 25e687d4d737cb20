/** Mailboxes: bounds, what is lost past them and who is told, priorities, fairness between senders. */
import assert from "node:assert/strict";
import { type ActorRef, MailboxFullError, onPool, share, transfer } from "@dramatis/dramatis";
import { Echo, Gate } from "../fixtures/actors.ts";
import { type Stage, testEverywhere } from "../integration/placements.ts";

/** A gate that is held by message 0, and what comes of that. */
async function held(
  stage: Stage,
  mailbox: { messages?: number; bytes?: number; overflow?: "reject" | "dropOldest" | "dropNewest" },
): Promise<{ gate: ActorRef<Gate>; running: Promise<number> }> {
  const gate = await stage.create(Gate, [], { mailbox, uid: "gate" });
  const running = gate.pass(0);
  await gate.entered();
  return { gate, running };
}

/** What became of calls: their results, and `lost` for those that did not fit. */
async function outcomes(calls: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(calls);
  return settled.map((one) => {
    if (one.status === "fulfilled") return one.value;
    assert(one.reason instanceof MailboxFullError, String(one.reason));
    return one.reason.dropped ? "dropped" : "refused";
  });
}

testEverywhere("mailbox: reject refuses what comes, and says how much may wait", async (stage) => {
  const { gate, running } = await held(stage, { messages: 2 });
  const calls = [1, 2, 3].map((id) => gate.pass(id));
  const ended = outcomes([running, ...calls]);
  await assert.rejects(calls[2]!, {
    name: "MailboxFullError",
    limit: 2,
    bound: "messages",
    dropped: false,
    message: /The mailbox of Gate gate in pool .* is full: 2 messages wait.* mailbox\.messages/,
  });
  await gate.open();
  assert.deepEqual(await ended, [0, 1, 2, "refused"]);
  assert.deepEqual(await gate.passed(), [0, 1, 2]);
});

testEverywhere("mailbox: dropOldest: the newest are kept, every call settles", async (stage) => {
  const { gate, running } = await held(stage, { messages: 2, overflow: "dropOldest" });
  const calls = [1, 2, 3, 4].map((id) => gate.pass(id));
  const ended = outcomes([running, ...calls]);
  await assert.rejects(calls[0]!, { dropped: true, message: /waited in it, was dropped/ });
  await gate.passed();
  await gate.open();
  assert.deepEqual(await ended, [0, "dropped", "dropped", 3, 4]);
  assert.deepEqual(await gate.passed(), [0, 3, 4]);
});

testEverywhere("mailbox: dropNewest: the oldest are kept, and the last to come", async (stage) => {
  const { gate, running } = await held(stage, { messages: 2, overflow: "dropNewest" });
  const calls = [1, 2, 3, 4].map((id) => gate.pass(id));
  const ended = outcomes([running, ...calls]);
  await gate.passed();
  await gate.open();
  assert.deepEqual(await ended, [0, 1, "dropped", "dropped", 4]);
  assert.deepEqual(await gate.passed(), [0, 1, 4]);
});

testEverywhere("mailbox: a tell or a batch that is dropped is lost loudly", async (stage) => {
  const { gate, running } = await held(stage, { messages: 1, overflow: "dropOldest" });
  gate.pass.tell(1);
  gate.pass.batch.tell([[2], [3]]);
  const batch = gate.pass.batch([[4], [5]]);
  const last = gate.pass(6);
  await assert.rejects(batch, { name: "MailboxFullError", dropped: true });
  for (let letters = 0; letters < 2; letters++) {
    const { method, reason, to } = await stage.letter();
    assert.equal(method, "pass");
    assert.equal(to.uid, "gate");
    assert(reason instanceof MailboxFullError && reason.dropped);
  }
  await gate.open();
  assert.deepEqual(await Promise.all([running, last]), [0, 6]);
});

testEverywhere("mailbox: bounded by bytes: one too large is always refused", async (stage) => {
  const { gate, running } = await held(stage, { bytes: 100_000 });
  const pass = gate.pass as unknown as (id: number, load: unknown) => Promise<number>;
  const calls = [30_000, 30_000, 50_000, 30_000, 200_000].map((bytes, i) =>
    pass(i + 1, i === 1 ? "x".repeat(bytes) : transfer(new Uint8Array(bytes)))
  );
  const ended = outcomes([running, ...calls]);
  await assert.rejects(calls[2]!, {
    limit: 100_000,
    bound: "bytes",
    message: /with this message of 50\d\d\d bytes, more than 100000 bytes would wait/,
  });
  await assert.rejects(calls[4]!, { message: /A message of 200\d\d\d bytes is larger than all/ });
  await gate.open();
  assert.deepEqual(await ended, [0, 1, 2, "refused", 4, "refused"]);
});

testEverywhere("mailbox: 64 MiB fit by default", async (stage) => {
  const echo = await stage.create(Echo, []);
  const { byteLength } = await echo.echo(share(new Uint8Array(64 * 2 ** 20))) as Uint8Array;
  assert.equal(byteLength, 64 * 2 ** 20);
});

testEverywhere("mailbox: the highest priority first, equals as they came", async (stage) => {
  const { gate, running } = await held(stage, { messages: 6 });
  const priorities = [0, 1, -1, 1, 0, 2];
  const calls = priorities.map((priority, i) => gate.pass.with({ priority })(i + 1));
  await gate.passed();
  await gate.open();
  await Promise.all([running, ...calls]);
  assert.deepEqual(await gate.passed(), [0, 6, 2, 4, 1, 5, 3]);
});

testEverywhere("mailbox: dropping spares what has a higher priority", async (stage) => {
  const { gate, running } = await held(stage, { messages: 2, overflow: "dropOldest" });
  const calls = [1, 0, 1, 0].map((priority, i) => gate.pass.with({ priority })(i + 1));
  const ended = outcomes([running, ...calls]);
  await gate.passed();
  await gate.open();
  assert.deepEqual(await ended, [0, 1, "dropped", 3, "refused"]);
});

testEverywhere("mailbox: methods without the lock have room when it is full", async (stage) => {
  const { gate, running } = await held(stage, { messages: 1 });
  const calls = [gate.pass(1), gate.pass(2)];
  const ended = outcomes([running, ...calls]);
  await gate.open();
  assert.deepEqual(await ended, [0, 1, "refused"]);
});

testEverywhere("mailbox: messages without the lock are bounded too", async (stage) => {
  const echo = await stage.create(Echo, [], { mailbox: { messages: 3 } });
  // Of one tick: on a link they come one after the other, and may be taken as they come. With options,
  // since a plain call to a free actor of the same pool begins at once.
  const said = await outcomes(Array.from({ length: 50 }, (_, i) => echo.echo.with({})(i)));
  assert.deepEqual(said.slice(0, 3), [0, 1, 2]);
  if (stage.pool.kind === "main") {
    assert.deepEqual(said.slice(3), Array.from({ length: 47 }, () => "refused"));
  }
  assert.equal(await echo.echo("again"), "again");
});

testEverywhere("mailbox: a flood of one pool does not lock out another", async (stage) => {
  const elsewhere = { place: onPool(stage.host.pools()[1]!) };
  const senders = await Promise.all(
    [1, 2, 3].map(() => stage.host.createActor(Gate, [], elsewhere)),
  );
  const { gate, running } = await held(stage, { messages: 8 });
  const flood = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((id) => gate.pass(id));
  const ended = outcomes([running, ...flood]);
  await assert.rejects(flood[8]!, { dropped: false });
  const others: Promise<number>[] = [];
  for (const [i, sender] of senders.entries()) {
    others.push(sender.follow(gate, 100 + i));
    others[i]!.catch(() => {});
    // The sender's own message is on its way before its answer to this is.
    await sender.entered();
    await gate.passed();
  }
  await assert.rejects(others[2]!, { dropped: false });
  await gate.open();
  const kept = [0, 1, 2, 3, 4, 5, 6];
  const lost = ["dropped", "dropped", "refused"];
  assert.deepEqual(await ended, [...kept, ...lost]);
  assert.deepEqual(await outcomes(others), [100, 101, "refused"]);
  assert.deepEqual(await gate.passed(), [...kept, 100, 101]);
}, { worker: true });

testEverywhere("mailbox: a producer that outruns it 100 to 1 loses, one by one", async (stage) => {
  const { gate, running } = await held(stage, { messages: 5, overflow: "dropOldest" });
  for (let id = 1; id <= 500; id++) gate.pass.tell(id);
  for (let letters = 0; letters < 495; letters++) {
    assert((await stage.letter()).reason instanceof MailboxFullError);
  }
  await gate.open();
  await running;
  assert.equal(await gate.pass(501), 501);
  const last = Array.from({ length: 6 }, (_, i) => 496 + i);
  assert.deepEqual(await gate.passed(), [0, ...last]);
});
