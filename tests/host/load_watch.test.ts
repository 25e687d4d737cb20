/** How busy pools are: asked while they have actors, and told when it has changed. */
import assert from "node:assert/strict";
import type { PoolId } from "../../src/core/address.ts";
import { LoadWatch } from "../../src/host/load_watch.ts";
import type { LocalPool } from "../../src/pool/local.ts";
import { ThreadShare } from "../../src/pool/thread_share.ts";
import { ManualClock } from "../../src/testing/manual_clock.ts";

/** More than one look takes. */
const LOOK_MS = 500;

/** Pools that answer what a test says. */
class FakePools implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly actors = new Map<PoolId, number>();
  /** What each answers; without it a pool does not come to answer. */
  readonly busy = new Map<PoolId, number>();
  asked = 0;
  changes = 0;
  readonly watch: LoadWatch;
  readonly #unanswered: PromiseWithResolvers<number>[] = [];

  constructor() {
    const call = ({ pool }: { pool: PoolId }) => {
      this.asked++;
      const busy = this.busy.get(pool);
      if (busy !== undefined) return Promise.resolve(busy);
      const answer = Promise.withResolvers<number>();
      this.#unanswered.push(answer);
      return answer.promise;
    };
    this.watch = new LoadWatch({
      main: { address: { host: 1, pool: 0 }, call } as unknown as LocalPool,
      pools: () => [...this.actors].map(([pool, actors]) => ({ pool, actors })),
      onChange: () => this.changes++,
      clock: this.clock,
    });
  }

  async look(): Promise<void> {
    await this.clock.advance(LOOK_MS);
  }

  busyOf(pool: PoolId): number | undefined {
    return this.watch.busyOf(pool, this.actors.get(pool)!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.watch.stop();
    for (const { resolve } of this.#unanswered) resolve(0);
    await this.clock.advance(0);
  }
}

Deno.test("LoadWatch: asks pools that have actors, as long as they have", async () => {
  await using pools = new FakePools();
  pools.actors.set(1, 3).set(2, 0);
  pools.busy.set(1, 0.5).set(2, 0.5);
  await pools.look();
  assert.equal(pools.asked, 0, "nobody has woken it");
  pools.watch.wake();
  await pools.look();
  assert.deepEqual([pools.asked, pools.busyOf(1), pools.busyOf(2)], [1, 0.5, undefined]);
  await pools.look();
  assert.equal(pools.asked, 2);
  pools.actors.set(1, 0);
  await pools.look();
  await pools.look();
  assert.deepEqual([pools.asked, pools.busyOf(1)], [2, undefined]);
});

Deno.test("LoadWatch: a pool that does not come to answer is busy; so are new actors, a little", async () => {
  await using pools = new FakePools();
  pools.actors.set(1, 2).set(2, 2);
  pools.busy.set(2, 0.1);
  pools.watch.wake();
  await pools.look();
  await pools.look();
  assert.deepEqual([pools.busyOf(1), pools.busyOf(2)], [1, 0.1]);
  pools.actors.set(2, 6);
  assert(pools.busyOf(2)! > 0.25 && pools.busyOf(2)! < 0.35);
  await pools.look();
  assert.equal(pools.busyOf(2), 0.1);
  pools.watch.forget(1);
  assert.equal(pools.busyOf(1), undefined);
});

Deno.test("LoadWatch: tells of what has changed, and of no trifles", async () => {
  await using pools = new FakePools();
  pools.actors.set(1, 1);
  const expected: [number, number][] = [[0.05, 0], [0.5, 1], [0.52, 1], [0.1, 2], [0.1, 2]];
  pools.watch.wake();
  for (const [busy, changes] of expected) {
    pools.busy.set(1, busy);
    await pools.look();
    assert.equal(pools.changes, changes, `${busy}`);
  }
});

Deno.test("ThreadShare: nothing at first, then which part of the time the thread was busy", () => {
  const share = new ThreadShare();
  assert.equal(share.read(), null);
  let busy: number | null = 0;
  // On a busy machine it may not have had its turn.
  while (busy === 0) {
    const until = performance.now() + 200;
    while (performance.now() < until);
    busy = share.read();
  }
  assert(busy !== null && busy > 0 && busy <= 1, `${busy}`);
});
