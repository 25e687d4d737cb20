/** A lease is given up by its holder before the other side gives it to others. */
import assert from "node:assert/strict";
import { ManualClock, settled } from "@dramatis/dramatis/testing";
import { Lease } from "../../../src/host/directory/lease.ts";

const TTL_MS = 1200;

/** A lease, and the other side of it. */
class Landlord {
  readonly clock = new ManualClock();
  /** When it was asked, and whether it was held then. */
  readonly asked: [ms: number, isHeld: boolean][] = [];
  /** When the lease was lost. */
  readonly lost: number[] = [];
  /** What it answers. */
  answer: () => Promise<boolean> = () => Promise.resolve(true);
  readonly lease = new Lease({
    clock: this.clock,
    ttlMs: TTL_MS,
    renew: (isHeld) => {
      this.asked.push([this.clock.now(), isHeld]);
      return this.answer();
    },
    onLost: () => this.lost.push(this.clock.now()),
  });
}

const refused = () => Promise.reject(new Error("nobody answers"));

Deno.test("Lease: renews every third of its time while that succeeds", async () => {
  const { clock, lease, asked, lost } = new Landlord();
  await lease.start();
  assert(lease.isHeld);
  await clock.advance(3 * TTL_MS);
  assert.deepEqual(asked.map(([ms]) => ms), [
    0,
    400,
    800,
    1200,
    1600,
    2000,
    2400,
    2800,
    3200,
    3600,
  ]);
  assert(asked.slice(1).every(([, isHeld]) => isHeld));
  assert.deepEqual(lost, []);
  lease.stop();
  assert.equal(clock.pending, 0);
  assert(!lease.isHeld);
});

Deno.test("Lease: is lost after three quarters without renewal, and taken anew when that can be", async () => {
  const landlord = new Landlord();
  const { clock, lease, asked, lost } = landlord;
  await lease.start();
  landlord.answer = refused;
  await clock.advance(899);
  assert(lease.isHeld);
  assert.deepEqual(asked.map(([ms]) => ms), [0, 400, 500, 600, 700, 800]);
  await clock.advance(1);
  assert(!lease.isHeld);
  await clock.advance(2000);
  assert.deepEqual(lost, [900], "once");
  landlord.answer = () => Promise.resolve(true);
  await clock.advance(100);
  assert(lease.isHeld);
  assert.equal(asked.at(-1)![1], false, "as a new one");
  assert.equal(lease.term, 1);
  lease.stop();
});

Deno.test("Lease: is lost at once if the other side has given it up", async () => {
  const landlord = new Landlord();
  const { clock, lease, lost } = landlord;
  await lease.start();
  landlord.answer = () => Promise.resolve(false);
  await clock.advance(400);
  assert.deepEqual(lost, [400]);
  assert(!lease.isHeld);
  lease.stop();
});

Deno.test("Lease: counts from when a renewal was sent, not from when it was answered", async () => {
  const landlord = new Landlord();
  const { clock, lease, lost } = landlord;
  await lease.start();
  const late = Promise.withResolvers<boolean>();
  landlord.answer = () => late.promise;
  await clock.advance(800);
  landlord.answer = refused;
  late.resolve(true); // sent at 400
  await clock.advance(400);
  assert.deepEqual(lost, []);
  await clock.advance(99);
  assert(lease.isHeld);
  await clock.advance(1);
  assert.deepEqual(lost, [1300]);
  lease.stop();
});

Deno.test("Lease: an answer that comes after the loss does not bring it back", async () => {
  const landlord = new Landlord();
  const { clock, lease, asked, lost } = landlord;
  await lease.start();
  const late = Promise.withResolvers<boolean>();
  landlord.answer = () => late.promise;
  await clock.advance(1000);
  assert.deepEqual(lost, [900]);
  landlord.answer = () => new Promise(() => {});
  late.resolve(true);
  await settled();
  assert(!lease.isHeld);
  await clock.advance(100);
  assert.deepEqual(asked.at(-1), [1100, false]);
  lease.stop();
});

Deno.test("Lease: after a blocked event loop it is not held, though no timer has said so", async () => {
  const { clock, lease, lost } = new Landlord();
  await lease.start();
  let seen: boolean | undefined;
  clock.setTimeout(() => seen = lease.isHeld, 1);
  clock.stall(5000);
  assert.equal(seen, false);
  await settled();
  assert.deepEqual(lost, [5000]);
  lease.stop();
});

Deno.test("Lease: one that cannot be taken at first is the starter's to hear of", async () => {
  const landlord = new Landlord();
  landlord.answer = refused;
  await assert.rejects(landlord.lease.start(), { message: "nobody answers" });
  assert.equal(landlord.clock.pending, 0);
});

Deno.test("Lease: is lost before its late timer says so, when it is checked", async () => {
  const { clock, lease, lost } = new Landlord();
  // The process stands still: time passes, and no timer runs.
  let stoodStillMs = 0;
  const now = clock.now.bind(clock);
  clock.now = () => now() + stoodStillMs;
  await lease.start();
  lease.check();
  assert.deepEqual(lost, []);
  stoodStillMs = TTL_MS;
  lease.check();
  lease.check();
  assert.deepEqual(lost, [TTL_MS], "once");
  lease.stop();
});
