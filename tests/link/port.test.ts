// Without it a port never tells that the other isolate has died.
import "node:worker_threads";
import assert from "node:assert/strict";
import { Codec } from "../../src/core/codec.ts";
import { PoolLostError, ProtocolError } from "../../src/core/host_errors.ts";
import { PortLink } from "../../src/link/port.ts";
import { testLinkContract } from "../contract/link_contract.ts";
import { Ear, pattern, tell } from "../contract/link_helpers.ts";

testLinkContract({
  name: "PortLink",
  sharesMemory: true,
  pair: (codec) => {
    const { port1, port2 } = new MessageChannel();
    return Promise.resolve({ a: new PortLink(port1, codec), b: new PortLink(port2, codec) });
  },
});

/** A link to another isolate, which is gone when the link is closed. */
async function withWorker(body: (link: PortLink, ear: Ear) => Promise<void>): Promise<void> {
  const worker = new Worker(import.meta.resolve("./fixtures/port_worker.ts"), { type: "module" });
  const { port1, port2 } = new MessageChannel();
  worker.postMessage(port2, [port2]);
  const link = new PortLink(port1, new Codec());
  const ear = new Ear(link);
  try {
    await body(link, ear);
  } finally {
    link.close();
    await ear.closing;
    worker.terminate();
  }
}

Deno.test("PortLink reaches another isolate and comes back", () =>
  withWorker(async (link, ear) => {
    const codec = new Codec();
    for (const size of [0, 100, 5_000, 1_000_000]) {
      const frame = tell(size, pattern(size));
      link.send(frame);
      const frames = await ear.heard(ear.frames.length + 1);
      assert.equal(frames.at(-1)!.hops, 1);
      assert.deepEqual(codec.decode(frames.at(-1)!), frame);
    }
  }));

Deno.test("PortLink ends without an error when the other isolate closes it", () =>
  withWorker(async (link, ear) => {
    link.send(tell(1, "leave"));
    assert.equal(await ear.closing, undefined);
  }));

Deno.test("PortLink ends with a PoolLostError when the other isolate dies", () =>
  withWorker(async (link, ear) => {
    link.send(tell(1, "die"));
    assert.ok(await ear.closing instanceof PoolLostError);
  }));

for (
  const [what, junk] of [
    ["a number", 7],
    ["an object", { bytes: 1 }],
    ["an array of something else", ["bytes"]],
    ["bytes that are no frame", new Uint8Array(100).fill(255)],
  ] as const
) {
  Deno.test(`PortLink ends with a ProtocolError when it is sent ${what}`, async () => {
    const { port1, port2 } = new MessageChannel();
    const ear = new Ear(new PortLink(port1, new Codec()));
    const closed = Promise.withResolvers<void>();
    port2.addEventListener("close", () => closed.resolve());
    const reason = Promise.withResolvers<unknown>();
    port2.onmessage = ({ data }) => reason.resolve(data);
    port2.postMessage(junk);
    assert.ok(await ear.closing instanceof ProtocolError);
    assert.match(String(await reason.promise), /^ProtocolError: /);
    await closed.promise;
    port2.close();
  });
}

Deno.test("PortLink posts one message per turn, and at once past 64 KiB or many frames", async () => {
  const { port1, port2 } = new MessageChannel();
  let posts = 0;
  const post = port1.postMessage.bind(port1);
  port1.postMessage = (message: unknown, transfer?: unknown) => {
    posts++;
    post(message, transfer as Transferable[]);
  };
  const [a, b] = [new PortLink(port1, new Codec()), new PortLink(port2, new Codec())];
  const [earA, earB] = [new Ear(a), new Ear(b)];
  for (let id = 1; id <= 20; id++) a.send(tell(id));
  assert.equal(posts, 0);
  assert.ok(a.bufferedBytes > 0);
  await earB.heard(20);
  assert.equal(posts, 1);
  assert.equal(a.bufferedBytes, 0);
  for (let id = 1; id <= 17; id++) a.send(tell(id, "x".repeat(4_000)));
  assert.equal(posts, 2, "past 64 KiB");
  for (let id = 1; id <= 2_000; id++) a.send(tell(id));
  assert.ok(posts > 2 && posts < 2 + 2_000 / 32, `${posts - 2} posts for 2,000 frames`);
  await earB.heard(20 + 17 + 2_000);
  a.close();
  await Promise.all([earA.closing, earB.closing]);
});
