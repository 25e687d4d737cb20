import assert from "node:assert/strict";
import { Codec } from "../../src/core/codec.ts";
import { HostLostError } from "../../src/core/host_errors.ts";
import { memoryLinks } from "../../src/link/memory.ts";
import { testLinkContract } from "../contract/link_contract.ts";
import { Ear, tell } from "../contract/link_helpers.ts";

testLinkContract({
  name: "MemoryLink",
  sharesMemory: true,
  pair: (codec) => {
    const [a, b] = memoryLinks(codec);
    return Promise.resolve({ a, b });
  },
});

function opened() {
  const [a, b] = memoryLinks(new Codec());
  return { a, b, earA: new Ear(a), earB: new Ear(b) };
}

/** All microtasks that are due have run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

Deno.test("MemoryLink.fence holds back both directions until lift", async () => {
  const { a, b, earA, earB } = opened();
  a.fence();
  a.send(tell(1));
  b.send(tell(2));
  await turn();
  assert.deepEqual([earA.frames.length, earB.frames.length], [0, 0]);
  assert.ok(a.bufferedBytes > 0 && b.bufferedBytes > 0);
  a.send(tell(3));
  a.lift();
  assert.deepEqual((await earB.heard(2)).map((frame) => frame.id), [1, 3]);
  assert.deepEqual((await earA.heard(1)).map((frame) => frame.id), [2]);
  assert.deepEqual([a.bufferedBytes, b.bufferedBytes], [0, 0]);
});

Deno.test("MemoryLink.fence holds back the end too", async () => {
  const { a, b, earA, earB } = opened();
  b.fence();
  a.send(tell(1));
  a.close();
  assert.deepEqual(earA.closings, [undefined]);
  await turn();
  assert.deepEqual(earB.closings, []);
  b.lift();
  assert.equal(await earB.closing, undefined);
  assert.equal(earB.frames.length, 1);
});

Deno.test("MemoryLink.fence stops a delivery that is under way", async () => {
  const [a, b] = memoryLinks(new Codec());
  const ids: number[] = [];
  b.open({
    frame: (frame) => {
      ids.push(frame.id);
      b.fence();
    },
    closed: () => {},
  });
  a.send(tell(1));
  await Promise.resolve();
  a.send(tell(2));
  await turn();
  assert.deepEqual(ids, [1]);
  b.lift();
  await turn();
  assert.deepEqual(ids, [1, 2]);
});

Deno.test("MemoryLink.drop loses what is on the way and closes both sides with an error", async () => {
  const { a, earA, earB } = opened();
  a.fence();
  a.send(tell(1));
  await turn();
  a.send(tell(2));
  a.drop();
  a.lift();
  a.drop();
  await turn();
  assert.equal(earB.frames.length, 0);
  for (const ear of [earA, earB]) {
    assert.equal(ear.closings.length, 1);
    assert.ok(ear.closings[0] instanceof HostLostError);
  }
});
