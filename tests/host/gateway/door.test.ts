/** The door by itself, by a clock that the test moves. */
import assert from "node:assert/strict";
import { ManualClock } from "@dramatis/dramatis/testing";
import { Door } from "../../../src/host/gateway/door.ts";
import { resolveLimits } from "../../../src/host/gateway/limits.ts";
import { Problem } from "../../../src/host/gateway/problem.ts";
import {
  formatRefusal,
  type GatewayRefusal,
  Refusals,
} from "../../../src/host/gateway/refusals.ts";

const refused = (status: number, kind: string) => (error: unknown) =>
  error instanceof Problem && error.status === status && error.kind === kind;

Deno.test("Door: so many links a second, and as many at once after a pause", async () => {
  const clock = new ManualClock();
  const limits = resolveLimits({ handshakesPerSecond: 4, links: 6 });
  const door = new Door({ token: null, clientToken: null, readToken: null, limits, clock });
  for (let i = 0; i < 4; i++) door.link();
  assert.throws(() => door.link(), refused(429, "rate"));
  await clock.advance(250);
  door.link();
  assert.throws(() => door.link(), refused(429, "rate"));
  await clock.advance(60_000);
  door.link();
  assert.throws(() => door.link(), refused(503, "busy"));
  assert.equal(door.links, 6);
  door.unlink();
  door.link();
});

Deno.test("Door: waits for requests that are under way, but not for ever", async () => {
  const clock = new ManualClock();
  const door = new Door({
    token: null,
    clientToken: null,
    readToken: null,
    limits: resolveLimits(),
    clock,
  });
  assert.equal(await door.empty(100), true);
  door.enter();
  const empty = door.empty(100);
  door.leave();
  assert.equal(await empty, true);
  door.enter();
  const late = door.empty(100);
  await clock.advance(100);
  assert.equal(await late, false);
});

Deno.test("formatRefusal: one line, without what a terminal would obey, and not without end", () => {
  const message = `no type a\nb\x1b[2J\u2028${"x".repeat(9_000)}`;
  const refusal = {
    reason: "message",
    message,
    status: 422,
    from: "1.2.3.4",
    suppressed: 3,
  } as const;
  const line = formatRefusal(refusal);
  assert.match(line, /^refused 1\.2\.3\.4: 422: no type a\?b\?\[2J\?x+…; 3 more were left out$/);
  assert.ok(line.length < 400);
});

Deno.test("Refusals: all are counted, not all are told, and who is told may fail", async () => {
  const clock = new ManualClock();
  const told: GatewayRefusal[] = [];
  const refusals = new Refusals((refusal) => void told.push(refusal), clock);
  const one = { reason: "token", message: "wrong", status: 401, from: "10.0.0.1" } as const;
  for (let i = 0; i < 1000; i++) refusals.add(one);
  assert.equal(refusals.counts.token, 1000);
  assert.equal(told.length, 100);
  await clock.advance(1000);
  refusals.add(one);
  assert.equal(formatRefusal(told.at(-1)!), "refused 10.0.0.1: 401: wrong; 900 more were left out");
});
