/** A busy pool is still a prompt one. */
import assert from "node:assert/strict";
import { type ActorRef, startHost } from "@dramatis/dramatis";
import { Turns } from "../../src/actor/turns.ts";
import { Counter, Pinger } from "../fixtures/actors.ts";

Deno.test("two actors that call each other do not starve the timers of their pool", async () => {
  await using host = await startHost({ pools: [] });
  const [a, b] = [await host.createActor(Pinger, []), await host.createActor(Pinger, [])];
  const delays: number[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const arm = () => {
    const due = performance.now() + 5;
    timer = setTimeout(() => {
      delays.push(performance.now() - due);
      arm();
    }, 5);
  };
  arm();
  const started = performance.now();
  assert.equal(await a.rally(b as ActorRef<Pinger>, 100_000), 100_000);
  const ms = performance.now() - started;
  clearTimeout(timer);
  const expected = ms / 5 / 8;
  assert(delays.length >= Math.min(expected, 2), `${delays.length} timers in ${ms} ms`);
  const latest = Math.max(...delays);
  assert(latest < Math.max(500, ms / 2), `a timer was ${latest} ms late, of ${ms} ms`);
});

Deno.test("a burst of messages is run in order and leaves nothing", async () => {
  await using host = await startHost({ pools: [] });
  const counter = await host.createActor(Counter, []);
  const sums = await Promise.all(Array.from({ length: 5000 }, () => counter.add(1)));
  assert.deepEqual(sums, sums.map((_, i) => i + 1));
});

Deno.test("Turns: runs what is ready in order, and what becomes ready meanwhile after it", async () => {
  const turns = new Turns();
  const order: string[] = [];
  const done = Promise.withResolvers<void>();
  const turn = (name: string, then?: () => void) => ({
    run: () => (order.push(name), then?.(), 1),
  });
  turns.schedule(turn("a", () => turns.schedule(turn("c", done.resolve))));
  turns.schedule(turn("b"));
  assert.deepEqual(order, [], "nothing runs at once");
  await done.promise;
  assert.deepEqual(order, ["a", "b", "c"]);
});

Deno.test("Turns: endless work lets timers through", async () => {
  const turns = new Turns();
  let on = true;
  const endless = {
    run: () => {
      if (on) turns.schedule(endless);
      return 100;
    },
  };
  turns.schedule(endless);
  await new Promise<void>((resolve) => setTimeout(resolve, 5));
  on = false;
});
