/** Chains of calls as bytes. */
import assert from "node:assert/strict";
import {
  type CallChain,
  extendChain,
  type Hop,
  lastHop,
  readChain,
} from "../../src/core/call_chain.ts";
import { random } from "./random.ts";

const HOP: Hop = { host: 2 ** 48 - 1, pool: 3, uid: "a", generation: 7, method: "run", serial: 9 };

function chainOf(hops: readonly Hop[]): CallChain {
  let chain: CallChain | null = null;
  for (const hop of hops) chain = extendChain(chain, hop);
  return chain!;
}

Deno.test("extendChain: what goes in comes out, oldest first", () => {
  const hops: Hop[] = [
    HOP,
    { host: 0, pool: 0, uid: "", generation: 0, method: "", serial: 0 },
    {
      host: 2 ** 32,
      pool: 2 ** 16 - 1,
      uid: "Zürich 🚂",
      generation: 2 ** 48 - 1,
      method: "größe",
      serial: 2 ** 32 - 1,
    },
    { ...HOP, uid: "u".repeat(1000), method: "m".repeat(1000) },
  ];
  assert.deepEqual(readChain(chainOf(hops)), hops);
  assert.deepEqual(readChain(new Uint8Array(0)), []);
  const first = extendChain(null, HOP);
  const before = first.slice();
  extendChain(first, HOP);
  assert.deepEqual(first, before, "a chain is never changed: others hold it");
});

Deno.test("lastHop: the newest alone, of what is a chain", () => {
  assert.equal(lastHop(new Uint8Array(0)), null);
  assert.deepEqual(lastHop(chainOf([HOP])), HOP);
  assert.deepEqual(lastHop(chainOf([HOP, HOP, { ...HOP, uid: "b" }])), { ...HOP, uid: "b" });
  for (let length = 1; length < 60; length++) {
    assert.equal(lastHop(new Uint8Array(length).fill(255)), null);
    assert.equal(lastHop(new Uint8Array(length)), null);
  }
});

Deno.test("readChain: a chain inside of other bytes", () => {
  const chain = chainOf([HOP, { ...HOP, uid: "b" }]);
  const bytes = new Uint8Array(chain.length + 10).fill(255);
  bytes.set(chain, 5);
  const inside = bytes.subarray(5, 5 + chain.length);
  assert.deepEqual(readChain(inside), readChain(chain));
  assert.equal(readChain(extendChain(inside, { ...HOP, uid: "c" })).length, 3);
});

Deno.test("extendChain: past 64 hops the oldest are forgotten", () => {
  const hops = Array.from({ length: 200 }, (_, serial) => ({ ...HOP, serial, uid: `${serial}` }));
  assert.deepEqual(readChain(chainOf(hops.slice(0, 64))), hops.slice(0, 64));
  assert.deepEqual(readChain(chainOf(hops)), hops.slice(-64));
});

Deno.test("readChain: what is no chain has no hops", () => {
  const chain = chainOf([HOP, { ...HOP, uid: "second" }]);
  const ends = [extendChain(null, HOP).length, chain.length];
  for (let end = 0; end <= chain.length; end++) {
    const { length } = readChain(chain.subarray(0, end));
    assert.equal(length, ends.indexOf(end) + 1, `cut at ${end}`);
  }
  const below = random(1);
  for (let round = 0; round < 2000; round++) {
    const bytes = chain.slice();
    for (let i = 0; i < 3; i++) bytes[below(bytes.length)] = below(256);
    // Neither throws nor hangs, and what is made of it stays bounded.
    readChain(bytes);
    assert(extendChain(bytes, HOP).length <= bytes.length + 22 + 4);
  }
  const zeros = new Uint8Array(10_000);
  assert.deepEqual(readChain(zeros), []);
  assert(extendChain(zeros, HOP).length <= zeros.length + 26);
});
