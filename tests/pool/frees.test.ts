/** Counts of DeviceRefs on their way back to their owners. */
import assert from "node:assert/strict";
import type { ActorAddress } from "../../src/core/address.ts";
import { Scopes } from "../../src/actor/scopes.ts";
import { Frees } from "../../src/pool/frees.ts";

const OWNER: ActorAddress = { host: 1, pool: 2, uid: "kernel", generation: 1 };
const OTHER: ActorAddress = { ...OWNER, uid: "other" };

/** Says what was called; every call fails, as of owners that are gone. */
function freesOf(): { frees: Frees; calls: string[] } {
  const calls: string[] = [];
  const call = ({ uid }: ActorAddress, method: string, ids: unknown[]) => {
    calls.push(`${uid} ${method} ${ids}`);
    return Promise.reject(new Error("it has ended"));
  };
  return { frees: new Frees({ call }, new Scopes()), calls };
}

Deno.test("Frees: those of one turn and one owner are one message, whose failure is nobody's", async () => {
  const { frees, calls } = freesOf();
  for (const id of [7, 8]) frees.add(OWNER, id);
  frees.add(OTHER, 7);
  frees.add({ ...OWNER }, 9);
  assert.deepEqual(calls, []);
  await Promise.resolve();
  assert.deepEqual(calls.splice(0), ["kernel device:free 7,8,9", "other device:free 7"]);
  frees.add(OWNER, 10);
  await Promise.resolve();
  assert.deepEqual(calls, ["kernel device:free 10"]);
});

Deno.test("Frees: many are several messages, each once", async () => {
  const { frees, calls } = freesOf();
  const ids = Array.from({ length: 2500 }, (_, i) => i);
  for (const id of ids) frees.add(OWNER, id);
  await Promise.resolve();
  assert.equal(calls.length, 3);
  const sent = calls.flatMap((call) => call.split(" ")[2]!.split(",").map(Number));
  assert.deepEqual(sent, ids);
});
