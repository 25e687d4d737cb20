/** Whose code runs, where what keeps that across awaits is loaded late. */
import assert from "node:assert/strict";
import { Hook } from "../../src/actor/hook.ts";
import type { MessageCell } from "../../src/actor/message.ts";
import { type AsyncScopes, type LateAsyncScopes, Scopes } from "../../src/actor/scopes.ts";
import { LATE_SCOPES } from "../../src/pool/worker_needs.ts";

const CELL = { address: { host: 1, pool: 1, uid: "a", generation: 1 } } as unknown as MessageCell;

const message = () => new Hook("postCreate", CELL, 1);

/** The real ones, and how each was got. */
class Late implements LateAsyncScopes {
  readonly got: string[] = [];

  load(): Promise<AsyncScopes> {
    this.got.push("loaded");
    return LATE_SCOPES.load();
  }
  loadNow(): AsyncScopes {
    this.got.push("loaded now");
    return LATE_SCOPES.loadNow();
  }
}

Deno.test("Scopes: async code knows its message once it is prepared", async () => {
  const late = new Late();
  const scopes = new Scopes(late);
  assert.equal(scopes.isReady, false);
  assert.equal(scopes.current, null);
  await scopes.prepare();
  await scopes.prepare();
  assert.equal(scopes.isReady, true);
  const mine = message();
  const code = async () => {
    await Promise.resolve();
    return scopes.current;
  };
  assert.equal(await scopes.runAsync(mine, code), mine);
  assert.deepEqual(late.got, ["loaded"]);
});

Deno.test("Scopes: async code that nobody could tell before knows its message too", async () => {
  const late = new Late();
  const scopes = new Scopes(late);
  const mine = message();
  const { promise, resolve } = Promise.withResolvers<void>();
  const running = scopes.runAsync(mine, async () => {
    await promise;
    return scopes.current;
  });
  // What comes after that is of no use: code runs in the first already.
  await scopes.prepare();
  resolve();
  assert.equal(await running, mine);
  assert.deepEqual(late.got, ["loaded now"]);
});

Deno.test("Scopes: two that prepare at once keep one storage", async () => {
  const late = new Late();
  const scopes = new Scopes(late);
  const both = [scopes.prepare(), scopes.prepare()];
  await both[0];
  const mine = message();
  const { promise, resolve } = Promise.withResolvers<void>();
  const running = scopes.runAsync(mine, async () => {
    await promise;
    return scopes.current;
  });
  await both[1];
  resolve();
  assert.equal(await running, mine);
});
