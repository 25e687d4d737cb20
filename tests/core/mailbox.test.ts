/** The mailbox by itself: its bounds, its policies, its order, against a model that is slow and plain. */
import assert from "node:assert/strict";
import type { PoolAddress } from "../../src/core/address.ts";
import { Mailbox, type Overflow } from "../../src/core/mailbox.ts";
import { MAILBOX_DEFAULTS, resolveMailbox } from "../../src/core/mailbox_options.ts";
import { LIMITS, MAILBOX_OVERFLOWS, type MailboxBounds } from "../../src/core/protocol.ts";
import { Mail, Model, pool, sum } from "./mailbox_model.ts";
import { random } from "./random.ts";

type Box = Mailbox<Mail, { readonly name: string }>;

function boxOf(bounds: Partial<MailboxBounds>, ...mails: Mail[]): Box {
  const box: Box = new Mailbox({ messages: 100, bytes: 1000, overflow: "reject", ...bounds });
  for (const mail of mails) assert.equal(box.push(mail), null);
  return box;
}

function mails(count: number, from: PoolAddress, prefix: string, bytes = 1): Mail[] {
  return Array.from({ length: count }, (_, i) => new Mail(`${prefix}${i}`, from, 0, bytes));
}

function drained(box: Box): (string | number)[] {
  const names: (string | number)[] = [];
  for (let mail; (mail = box.take()) !== undefined;) names.push(mail.name);
  assert.equal(box.length, 0);
  assert.equal(box.bytes, 0);
  return names;
}

function namesOf(overflow: Overflow<Mail> | null): (string | number)[] | undefined {
  return overflow?.lost.map(({ name }) => name);
}

Deno.test("Mailbox: the highest priority first, equals first in, first out", () => {
  const box = boxOf({});
  const priorities = [0, 5, -3, 0, 5, Number.MAX_SAFE_INTEGER, -3, 1, -0];
  priorities.forEach((priority, i) => box.push(new Mail(i, pool(i % 2), priority)));
  assert.equal(box.length, 9);
  assert.deepEqual(drained(box), [5, 1, 4, 7, 0, 3, 8, 2, 6]);
  box.push(new Mail("again"));
  assert.deepEqual(drained(box), ["again"]);
});

Deno.test("Mailbox: control messages have a lane of their own", () => {
  const box = boxOf({ messages: 1 }, new Mail(1));
  box.pushControl({ name: "stop" });
  box.pushControl({ name: "end" });
  assert.equal(box.length, 1);
  assert.equal(box.takeControl()?.name, "stop");
  assert.deepEqual(box.clearControl(), [{ name: "end" }]);
  assert.deepEqual(drained(box), [1]);
});

Deno.test("Mailbox: what is taken out by a match leaves room, the rest its order", () => {
  const box = boxOf({ messages: 6 });
  for (let i = 0; i < 6; i++) box.push(new Mail(i, pool(1), i % 2, 10));
  assert.deepEqual(box.removeWhere(({ name }) => name === 3 || name === 2), [
    new Mail(3, pool(1), 1, 10),
    new Mail(2, pool(1), 0, 10),
  ]);
  assert.equal(box.length, 4);
  assert.equal(box.bytes, 40);
  assert.equal(box.push(new Mail(6)), null);
  assert.deepEqual(box.clearMessages().map(({ name }) => name), [1, 5, 0, 4, 6]);
  assert.equal(box.length + box.bytes, 0);
  assert.deepEqual(box.removeWhere(() => true), []);
});

Deno.test("Mailbox: reject refuses what comes past a bound, and says which", () => {
  const box = boxOf({ messages: 2, bytes: 10 }, new Mail("a"));
  const big = new Mail("b", pool(1), 0, 10);
  assert.deepEqual(box.push(big), { bound: "bytes", limit: 10, lost: [big] });
  assert.equal(box.push(new Mail("c", pool(1), 0, 9)), null, "the bound itself fits");
  const more = new Mail("d", pool(1), 9, 0);
  assert.deepEqual(box.push(more), { bound: "messages", limit: 2, lost: [more] });
  assert.deepEqual(drained(box), ["a", "c"]);
});

for (const overflow of MAILBOX_OVERFLOWS) {
  Deno.test(`Mailbox: ${overflow}: larger than the bound of bytes is refused, nothing displaced`, () => {
    const box = boxOf({ bytes: 10, overflow }, ...mails(10, pool(1), "a"));
    const huge = new Mail("huge", pool(2), 99, 11);
    assert.deepEqual(box.push(huge), { bound: "bytes", limit: 10, lost: [huge] });
    assert.equal(box.length, 10);
  });
}

Deno.test("Mailbox: dropOldest drops what waited longest of the lowest priority", () => {
  const box = boxOf({ messages: 3, overflow: "dropOldest" });
  for (const [name, priority] of [["a", 1], ["b", 0], ["c", 0]] as const) {
    box.push(new Mail(name, pool(1), priority));
  }
  assert.deepEqual(namesOf(box.push(new Mail("d"))), ["b"]);
  assert.deepEqual(namesOf(box.push(new Mail("e", pool(1), 1))), ["c"]);
  assert.deepEqual(namesOf(box.push(new Mail("f", pool(1), 1))), ["d"]);
  assert.deepEqual(namesOf(box.push(new Mail("low"))), ["low"], "it is the lowest itself");
  assert.deepEqual(namesOf(box.push(new Mail("g", pool(1), 1))), ["a"]);
  assert.deepEqual(drained(box), ["e", "f", "g"]);
});

Deno.test("Mailbox: dropNewest drops what came last of the lowest priority", () => {
  const box = boxOf({ messages: 3, overflow: "dropNewest" }, ...mails(3, pool(1), "a"));
  assert.deepEqual(namesOf(box.push(new Mail("b"))), ["a2"]);
  assert.deepEqual(namesOf(box.push(new Mail("c", pool(1), 2))), ["b"]);
  assert.deepEqual(namesOf(box.push(new Mail("low", pool(1), -1))), ["low"]);
  assert.deepEqual(drained(box), ["c", "a0", "a1"]);
});

Deno.test("Mailbox: dropping for bytes takes as many as it must, or none", () => {
  const bounds = { bytes: 10, overflow: "dropOldest" } as const;
  const box = boxOf(bounds, ...mails(3, pool(1), "a", 2), new Mail("high", pool(1), 1, 4));
  assert.deepEqual(namesOf(box.push(new Mail("b", pool(1), 0, 3))), ["a0", "a1"]);
  assert.deepEqual(namesOf(box.push(new Mail("c", pool(1), 0, 7))), ["c"], "5 could be freed");
  assert.equal(box.bytes, 9);
  assert.deepEqual(namesOf(box.push(new Mail("d", pool(1), 1, 7))), ["a2", "b", "high"]);
  assert.deepEqual(drained(box), ["d"]);
});

Deno.test("Mailbox: reject: a flood makes room for others, up to half of its share", () => {
  const box = boxOf({ messages: 10 }, ...mails(10, pool(1), "flood"));
  assert.deepEqual(namesOf(box.push(new Mail("more", pool(1)))), ["more"], "not for its own");
  assert.deepEqual(namesOf(box.push(new Mail("a", pool(2)))), ["flood9"]);
  assert.deepEqual(namesOf(box.push(new Mail("b", pool(2)))), ["flood8"]);
  assert.deepEqual(namesOf(box.push(new Mail("c", pool(2)))), ["flood7"]);
  assert.deepEqual(namesOf(box.push(new Mail("d", pool(2)))), ["d"], "7 is not more than 2 * 4");
  assert.deepEqual(namesOf(box.push(new Mail("e", { host: 8, pool: 2 }))), ["flood6"]);
  assert.deepEqual(namesOf(box.push(new Mail("more", pool(1)))), ["more"]);
  const kept = [0, 1, 2, 3, 4, 5].map((i) => `flood${i}`);
  assert.deepEqual(drained(box), [...kept, "a", "b", "c", "e"]);
});

Deno.test("Mailbox: reject: of a flood, its lowest priority goes first", () => {
  const box = boxOf({ messages: 4 });
  for (const [i, priority] of [0, 1, 0, 2].entries()) box.push(new Mail(i, pool(1), priority));
  assert.deepEqual(namesOf(box.push(new Mail("a", pool(2)))), [2]);
  assert.deepEqual(drained(box), [3, 1, 0, "a"]);
});

Deno.test("Mailbox: reject: a flood of bytes is told by bytes", () => {
  const box = boxOf(
    { bytes: 100 },
    ...mails(10, pool(1), "small"),
    ...mails(3, pool(2), "big", 30),
  );
  assert.deepEqual(namesOf(box.push(new Mail("a", pool(1), 0, 30))), ["big2"]);
  assert.deepEqual(namesOf(box.push(new Mail("b", pool(3), 0, 30))), ["b"], "60 is not over 60");
  assert.deepEqual(namesOf(box.push(new Mail("c", pool(3), 0, 25))), ["big1"]);
});

Deno.test("Mailbox: reject: two who want one place do not throw each other out", () => {
  const box = boxOf({ messages: 1 }, new Mail("a", pool(1)));
  assert.deepEqual(namesOf(box.push(new Mail("b", pool(2)))), ["b"]);
  assert.deepEqual(drained(box), ["a"]);
});

Deno.test("Mailbox: a producer that outruns its consumer 100 to 1 fills it and no more", () => {
  for (const overflow of MAILBOX_OVERFLOWS) {
    const box = boxOf({ messages: 50, bytes: 2000, overflow });
    let [taken, lost, most, mostBytes] = [0, 0, 0, 0];
    for (let i = 0; i < 20_000; i++) {
      lost += box.push(new Mail(i, pool(i % 3), i % 5, i % 97))?.lost.length ?? 0;
      if (i % 100 === 0 && box.take() !== undefined) taken++;
      most = Math.max(most, box.length);
      mostBytes = Math.max(mostBytes, box.bytes);
    }
    assert(most <= 50 && mostBytes <= 2000, `${overflow}: ${most} messages, ${mostBytes} bytes`);
    assert.equal(taken, 200);
    assert.equal(taken + lost + drained(box).length, 20_000, "each is taken or lost, once");
  }
});

const POOLS = [0, 1, 2, 3].map(pool);

for (const overflow of MAILBOX_OVERFLOWS) {
  for (const priorities of [1, 4]) {
    Deno.test(`Mailbox: does what the model does: ${overflow}, ${priorities} priorities`, () => {
      const next = random(priorities * 1000 + overflow.length);
      const bounds: MailboxBounds = { messages: 12, bytes: 60, overflow };
      const box: Box = new Mailbox(bounds);
      const model = new Model(bounds);
      for (let step = 0; step < 5000; step++) {
        const what = next(100);
        // Long phases of more and of less: it is full as often as it is empty.
        if (what < (step % 400 < 200 ? 70 : 30)) {
          const isFlood = next(3) > 0;
          const from = POOLS[isFlood ? 0 : next(4)]!;
          const mail = new Mail(
            step,
            from,
            next(priorities) - (priorities >> 1),
            next(20) === 0 ? next(70) : next(9),
          );
          const lost = box.push(mail)?.lost ?? [];
          model.choose = lost[0]?.from;
          assert.deepEqual(lost.map(nameOf), model.push(mail).map(nameOf), `step ${step}: push`);
        } else if (what < 97) {
          assert.equal(box.take()?.name, model.take()?.name, `step ${step}: take`);
        } else if (what < 99) {
          const matches = ({ name }: Mail) => Number(name) % 7 === step % 7;
          const removed = box.removeWhere(matches).map(nameOf);
          assert.deepEqual(removed.toSorted(), model.remove(matches).map(nameOf).toSorted());
        } else {
          const order: (string | number)[] = [];
          for (let mail; (mail = model.take()) !== undefined;) order.push(mail.name);
          assert.deepEqual(box.clearMessages().map(nameOf), order, `step ${step}: clear`);
        }
        assert.equal(box.length, model.waiting.length);
        assert.equal(box.bytes, sum(model.waiting));
      }
    });
  }
}

function nameOf({ name }: Mail): string | number {
  return name;
}

Deno.test("resolveMailbox: what is not said has a default that fits every frame of a host", () => {
  assert.deepEqual(resolveMailbox(), MAILBOX_DEFAULTS);
  assert.deepEqual(resolveMailbox({ messages: 3 }), { ...MAILBOX_DEFAULTS, messages: 3 });
  assert(MAILBOX_DEFAULTS.bytes >= LIMITS.payloadBytes + LIMITS.frameBytes);
});
