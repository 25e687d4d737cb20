/** Pools that end the hard way: who is told what, who goes on meanwhile, and how soon the next isolate is tried. */
import assert from "node:assert/strict";
import {
  type ActorRef,
  type GiveUpEvent,
  onPool,
  PoolLostError,
  type PoolSpec,
  PoolStartError,
  processPool,
  type RecoveryOptions,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { ManualClock, settled } from "@dramatis/dramatis/testing";
import type { PoolStarter } from "../../src/pool/pool.ts";
import { startHostWith } from "../../src/host/start_host.ts";
import { Suspect } from "../fixtures/debug_actors.ts";
import { Inmate } from "../fixtures/process_actors.ts";

/** Waits that end long before a test is given up. */
const SOON = { timeoutMs: 120_000 };

async function lost(call: Promise<unknown>): Promise<PoolLostError> {
  const error = await call.then(() => "answered", (error) => error);
  assert(error instanceof PoolLostError, String(error));
  return error;
}

function open(pools: PoolSpec[], recovery: RecoveryOptions = {}) {
  return startHost({
    pools,
    recovery: { waitMs: 120_000, ...recovery },
    debug: { onReport: () => {} },
    onDeadLetter: () => {},
  });
}

/** Asks siblings until a promise is settled; each must answer every time. */
async function answersUntil<T>(promise: Promise<T>, siblings: ActorRef<Inmate>[]): Promise<T> {
  let isOver = false;
  const over = () => isOver = true;
  promise.then(over, over);
  let rounds = 0;
  for (; !isOver; rounds++) {
    const answers = await Promise.all(siblings.map((one) => one.ping()));
    assert.deepEqual(answers, siblings.map(() => "pong"));
  }
  assert(rounds > 0);
  return await promise;
}

Deno.test("a process whose heap is exhausted: siblings answer throughout, it is back, the cause is named", async () => {
  const memoryLimitBytes = 64 * 2 ** 20;
  await using host = await open([
    processPool({ memoryLimitBytes }),
    processPool(),
    workerPool({ count: 1 }),
  ]);
  const [glutton, ...siblings] = await Promise.all(
    [1, 2, 3].map((pool) => host.createActor(Inmate, [], { place: onPool(pool) })),
  );
  const waiting = lost(glutton!.wait());
  glutton!.devour.tell();
  const error = await answersUntil(waiting, siblings);
  assert.equal(error.exit, "memory");
  assert.match(error.message, /process-1 .*heap was exhausted .*memoryLimitBytes/);
  await answersUntil(host.waitPoolRecovered(1, SOON), siblings);
  assert.equal(await glutton!.ping(), "pong");
});

Deno.test("a worker that is held by a loop: siblings answer throughout, it is back, the cause is named", async () => {
  await using host = await open([workerPool({ count: 2 }), processPool()], { silentMs: 3000 });
  const suspect = await host.createActor(Suspect, [], { place: onPool(1) });
  const siblings = await Promise.all(
    [2, 3].map((pool) => host.createActor(Inmate, [], { place: onPool(pool) })),
  );
  const word = new SharedArrayBuffer(4);
  try {
    const error = await answersUntil(lost(suspect.spin(word)), siblings);
    assert.equal(error.exit, "silent");
    assert.match(error.message, /worker-1 was given up: .* it runs spin of Suspect/);
    await answersUntil(host.waitPoolRecovered(1, SOON), siblings);
    const again = new SharedArrayBuffer(4);
    Atomics.store(new Int32Array(again), 0, 1);
    assert.equal(await suspect.spin(again), "spun");
    assert.equal(host.abandonedThreads, 1);
  } finally {
    // Its thread is let go, so that the process can end.
    Atomics.store(new Int32Array(word), 0, 1);
  }
});

for (const [name, spec] of [["worker", workerPool], ["process", processPool]] as const) {
  Deno.test(`recovery: how often and how fast a ${name} pool is tried, on a manual clock`, async () => {
    const clock = new ManualClock();
    const gaveUp = Promise.withResolvers<GiveUpEvent>();
    const starter = spec({ count: 1 }) as PoolStarter;
    const tries: number[] = [];
    let mayStart = true;
    const doomed: PoolStarter = {
      ...starter,
      start: (start) => {
        if (mayStart) return starter.start(start);
        tries.push(clock.now());
        throw new PoolStartError("not now", "spawn");
      },
    };
    const limits = { maxRestarts: 4, withinMs: 60_000, backoffMs: 1000, maxBackoffMs: 1500 };
    const recovery = { ...limits, waitMs: Infinity, onGiveUp: gaveUp.resolve };
    const options = { pools: [doomed], recovery, debug: false as const, onDeadLetter: () => {} };
    const host = await startHostWith(options, clock);
    await using _ = host;
    const inmate = await host.createActor(Inmate, [], { place: onPool(1) });
    const waiting = lost(inmate.wait());
    mayStart = false;
    inmate.exit.tell();
    await waiting;
    const died = clock.now();
    const call = lost(inmate.ping());
    await settled();
    for (let i = 0; i < 1000; i++) await clock.advance(10);
    const { pool, error } = await gaveUp.promise;
    assert.equal(pool.pool, 1);
    assert.match(error.message, /It was not started again: not now/);
    assert.equal((await call).exit, "lost");
    const waits = tries.slice(1).map((time, i) => time - tries[i]!);
    assert.equal(tries[0], died, "the first is at once");
    const spans = [[500, 1000], [750, 1500], [750, 1500]] as const;
    assert.equal(waits.length, spans.length);
    for (const [i, [least, most]] of spans.entries()) {
      assert(waits[i]! >= least && waits[i]! <= most + 10, `${waits}`);
    }
  });
}
