/** Kernels one after the other: one message, one submit, and the same on a CPU. */
import assert from "node:assert/strict";
import {
  type ActorRef,
  ActorStartError,
  device,
  type Host,
  KernelArgumentError,
  mainPool,
  onPool,
  startHost,
  transfer,
  workerPool,
} from "@dramatis/dramatis";
import { compose } from "@dramatis/dramatis/gpu";
import { linkChain, type Signature } from "../../gpu/chain.ts";
import type { ChainDeclaration } from "../../gpu/declaration.ts";
import { probe } from "./fixtures/actors.ts";
import { empty, misbound, mixed, next, ten, twenty, unmatched } from "./fixtures/chains.ts";
import { gpuHostTest } from "./gpu_host.ts";
import { count } from "./kernels.ts";

const ON_GPU = device({ prefer: "gpu", fallback: "software" });
const ON_WORKER = onPool("worker-1");

async function caught(promise: Promise<unknown>): Promise<Error> {
  return await promise.then(() => assert.fail("it did not reject"), (error) => error);
}

/** The same on a device and by twins. */
async function assertComputes(host: Host, place: unknown): Promise<void> {
  const where = { place: place as ReturnType<typeof mainPool> };
  const x = Float32Array.of(1, 2, 3);
  const tenth = await host.createActor(ten, [], where);
  assert.deepEqual(await tenth.compute({ x }), { out: Float32Array.of(11, 12, 13) });
  assert.deepEqual(x, Float32Array.of(1, 2, 3));

  const mixer = await host.createActor(mixed, [], where);
  const { y, squares, ...others } = await mixer.compute({ x, p: { factor: 2 } });
  assert.deepEqual(others, {});
  assert.deepEqual(squares, Float32Array.of(3, 12, 27));
  assert.deepEqual(y, Float32Array.of(8, 26, 56));

  const twentieth = await host.createActor(twenty, [], where);
  const { out: ref } = await tenth.run({ x });
  const p = { factor: -1 };
  assert.deepEqual(await twentieth.compute({ x: ref, p }), { y: Float32Array.of(-31, -32, -33) });
  assert.deepEqual(await ref.read(), Float32Array.of(11, 12, 13), "it stays as it is");
  const { y: last } = await twentieth.run({ x: transfer(ref), p });
  await assert.rejects(ref.read(), KernelArgumentError);
  assert.deepEqual(await last.read(), Float32Array.of(-31, -32, -33));
  last.dispose();

  const unknown = await caught(tenth.compute({ x, z: x } as never));
  assert(unknown instanceof KernelArgumentError);
  assert.equal(unknown.binding, "z");
  assert.match(unknown.message, /^ten: there is no argument "z", only x$/);
  const missing = await caught(twentieth.run({ x }));
  assert(missing instanceof KernelArgumentError);
  assert.equal(missing.binding, "p");
  assert.match(missing.message, /^twenty step 2 \(scale\): binding "p" .*it is missing/);
  const wrong = await caught(mixer.run({ x: Int32Array.of(1) as never, p }));
  assert.match(wrong.message, /^mixed step 0 \(square\): binding "x"/);

  for (const bad of [misbound, empty]) {
    const error = await caught(host.createActor(bad, [], where));
    assert(error instanceof ActorStartError, String(error));
    assert.match(
      error.message,
      bad === misbound
        ? /misbound step 0 \(next\): next has no "z", only x, out/
        : /empty: no step makes "y", only out/,
    );
  }
}

gpuHostTest("compose: on a device", async ({ host }) => {
  const look = await host.createActor(probe, []);
  await assertComputes(host, ON_GPU);
  assert.equal(await look.liveBytes(), 0, "nothing is left, of refused calls neither");
});

gpuHostTest("compose: one message, one submit, one map, from the first call on", async ({
  host,
}) => {
  const chain = await host.createActor(ten, []);
  const step = await host.createActor(next, []);
  const look = await host.createActor(probe, []);
  const x = count(1024);
  const used = async (work: () => Promise<unknown>) => {
    const before = await look.counts();
    await work();
    const after = await look.counts();
    return [
      after.submits - before.submits,
      after.dispatches - before.dispatches,
      after.maps - before.maps,
    ];
  };
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await used(() => chain.compute({ x })), [1, 10, 1]);
  }
  assert.deepEqual(
    await used(async () => {
      let from = x;
      for (let i = 0; i < 10; i++) from = (await step.compute({ x: from })).out;
      assert.equal(from[5], 15);
    }),
    [10, 10, 10],
    "of host round trips there are ten",
  );
  await chain.compute({ x });
  await look.counts();
  const idle = await look.idleBytes();
  for (let i = 0; i < 50; i++) await chain.compute({ x });
  assert.equal(await look.liveBytes(), 0);
  assert.equal(await look.idleBytes(), idle, "its buffers are used again");
});

gpuHostTest("compose: a device that is lost, and the next", async ({ host }) => {
  const chain = await host.createActor(twenty, []);
  const look = await host.createActor(probe, []);
  const call = () => chain.compute({ x: Float32Array.of(1), p: { factor: 1 } });
  await call();
  await look.loseDevice();
  assert.deepEqual(await call(), { y: Float32Array.of(21) });
  assert.equal(await look.generation(), 2);
});

Deno.test("compose: by twins", async () => {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  for (const place of [mainPool(), ON_WORKER]) await assertComputes(host, place);
  const error = await caught(host.createActor(unmatched, [], { place: ON_WORKER }));
  assert(error instanceof ActorStartError);
  assert.match(error.message, /unmatched step 1 \(lonely\) needs a GPU: .*no `cpu` twin/);
});

Deno.test("compose: what is no kernel, or nothing, is refused", () => {
  assert.throws(() => compose(import.meta, "none", []), /none: compose takes at least one kernel/);
  class Other {}
  for (const [bad, what] of [[Other, /class or function Other/], [{}, /\[object Object\]/]]) {
    assert.throws(() => compose(import.meta, "bad", [bad as never]), what as RegExp);
    const step = { kernel: bad as never };
    assert.throws(() => compose(import.meta, "bad", [step]), /is no kernel: make one with kernel/);
  }
});

// What goes where.

function link(
  steps: readonly { bind?: Record<string, string>; uniforms?: Record<string, number> }[],
  parts: readonly Partial<Signature>[],
  results?: readonly string[],
): ReturnType<typeof linkChain> {
  const chain = {
    kind: "chain",
    name: "chain",
    results,
    steps: steps.map(({ bind = {}, uniforms = {} }, i) => (
      { bind, uniforms, kernel: { kind: "wgsl", name: `k${i}`, options: { wgsl: "" } } }
    )),
  } satisfies ChainDeclaration as ChainDeclaration;
  const whole = parts.map((part) => ({ inputs: [], results: [], maybe: [], ...part }));
  return linkChain(chain, whole);
}

Deno.test("linkChain: says which values end where", () => {
  const { steps, inputs, results, shared } = link(
    [{ bind: { b: "t" } }, { bind: { a: "t", b: "u" } }, { bind: { a: "t", b: "w" } }],
    [
      { inputs: ["a", "p"], results: ["b", "extra"] },
      { inputs: ["a", "p"], results: ["b"] },
      { inputs: ["a", "u"], results: ["b", "u"] },
    ],
  );
  assert.deepEqual(inputs, ["a", "p"]);
  assert.deepEqual([...shared], ["p"]);
  assert.deepEqual(results, ["w", "u"]);
  assert.deepEqual(steps.map(({ ends }) => [...ends]), [["a"], ["p"], ["t", "u"]]);
  assert.deepEqual(steps.map(({ unread }) => [...unread]), [["extra"], [], []]);
});

Deno.test("linkChain: what may be given keeps what went by its name", () => {
  const { steps, results, maybe } = link([{}, {}, {}], [
    { results: ["a"] },
    { inputs: ["a"], maybe: ["a"] },
    { inputs: ["a"], maybe: ["a"], results: ["b"] },
  ]);
  assert.deepEqual([results, maybe], [["b"], ["a"]]);
  assert.deepEqual(steps.map(({ ends }) => [...ends]), [[], [], []]);
});

Deno.test("linkChain: two results of one name are refused, and uniforms that are not there", () => {
  assert.throws(
    () => link([{ bind: { b: "a" } }], [{ results: ["a", "b"] }]),
    /chain step 0 \(k0\): two results have one name: a, a/,
  );
  assert.throws(() => link([{ uniforms: { q: 1 } }], [{ inputs: ["p"] }]), /k0 has no "q", only p/);
});

// For the type checker: what comes is what its types say.
export async function types(host: Host): Promise<void> {
  const actor: ActorRef = await host.createActor(ten, []);
  const mixer = await host.createActor(mixed, []);
  const { y }: { y: Float32Array } = await mixer.compute({ x: count(1), p: { factor: 1 } });
  // @ts-expect-error it has no such result
  (await mixer.compute({ x: y })).x;
  void actor;
}
