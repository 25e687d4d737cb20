import assert from "node:assert/strict";
import { ManualClock } from "@dramatis/dramatis/testing";
import { Heartbeat } from "../../src/link/heartbeat.ts";

function started(missedBeats = 3) {
  const clock = new ManualClock();
  const events: string[] = [];
  const heartbeat = new Heartbeat({
    ping: () => events.push(`ping at ${clock.now()}`),
    silent: (ms) => events.push(`silent for ${ms} at ${clock.now()}`),
  }, { intervalMs: 1000, missedBeats, clock });
  return { clock, events, heartbeat };
}

Deno.test("Heartbeat declares a silent peer dead after the missed beats, and stops", async () => {
  const { clock, events } = started();
  await clock.advance(10_000);
  assert.deepEqual(events, ["ping at 1000", "ping at 2000", "silent for 3000 at 3000"]);
  assert.equal(clock.pending, 0);
});

Deno.test("Heartbeat notices a death within its beats, whenever it was", async () => {
  for (const lastHeard of [1, 500, 999]) {
    const { clock, events, heartbeat } = started();
    await clock.advance(lastHeard);
    heartbeat.heard();
    await clock.advance(10_000);
    const [, at] = / at (\d+)$/.exec(events.at(-1)!)!;
    assert.ok(Number(at) <= lastHeard + 3000, `${at} for ${lastHeard}`);
    assert.ok(Number(at) >= lastHeard + 2000, `${at} for ${lastHeard}`);
  }
});

Deno.test("Heartbeat lives on while something is heard in time", async () => {
  const { clock, events, heartbeat } = started();
  for (let i = 0; i < 10; i++) {
    await clock.advance(1900);
    heartbeat.heard();
  }
  assert.ok(events.every((event) => event.startsWith("ping")));
  heartbeat[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});

Deno.test("Heartbeat takes its own long sleep for one beat", async () => {
  const { clock, events, heartbeat } = started();
  await clock.advance(1500);
  clock.stall(60_000);
  heartbeat.heard();
  await clock.advance(1500);
  assert.ok(events.every((event) => event.startsWith("ping")), events.join());
  heartbeat[Symbol.dispose]();
});
