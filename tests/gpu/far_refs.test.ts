/** Data of other pools while calls use it: fetched once, and let go of whatever happens. */
import assert from "node:assert/strict";
import { GpuDeviceLostError, KernelArgumentError } from "@dramatis/dramatis";
import { deviceRefExtension } from "../../src/actor/device_ref.ts";
import { CallRefs, refsOf } from "../../gpu/call_refs.ts";
import { FarRefs } from "../../gpu/far_refs.ts";
import type { GpuResource } from "../../gpu/gpu_resource.ts";
import { count } from "./kernels.ts";
import { gpuTest } from "./require_gpu.ts";

const HERE = { host: 1, pool: 1, uid: "kernel", generation: 1 };

/** Refs to data of another pool, which comes or fails as the test says. */
function farRefs() {
  const reads: PromiseWithResolvers<unknown>[] = [];
  const freed: number[] = [];
  const caller = {
    call: () => {
      const read = Promise.withResolvers<unknown>();
      reads.push(read);
      return read.promise;
    },
    free: (_owner: unknown, id: number) => freed.push(id),
  };
  const { fromWire } = deviceRefExtension(() => caller as never);
  const resource = { far: new FarRefs() } as unknown as GpuResource;
  const call = (args: object) => new CallRefs(resource, HERE, refsOf("k", args));
  const ref = (state?: string) =>
    fromWire([1, 2, "far", 1, 7, "f32", 4, ...state === undefined ? [] : [state]]);
  return { reads, freed, call, ref };
}

gpuTest("CallRefs: overlapping calls fetch a ref once, and each lets go of it", async (gpu) => {
  const { reads, call, ref } = farRefs();
  const [first, second] = [call({ x: ref(), y: ref() }), call({ x: ref() })];
  const fetching = [first.fetch(gpu), second.fetch(gpu)];
  assert.equal(reads.length, 1);
  reads[0]!.resolve(count(4));
  await Promise.all(fetching);
  first.release();
  const third = call({ x: ref() });
  await third.fetch(gpu); // the second has it still
  assert.equal(reads.length, 1);
  second.release();
  third.release();
  const later = call({ x: ref() });
  const again = later.fetch(gpu);
  assert.equal(reads.length, 2);
  reads[1]!.resolve(count(4));
  await again;
  later.release();
});

gpuTest(
  "CallRefs: what cannot be fetched fails every call that waits for it, and is tried anew",
  async (gpu) => {
    const { reads, freed, call, ref } = farRefs();
    const failures = [new KernelArgumentError("gone"), new GpuDeviceLostError("lost")];
    for (const [i, failure] of failures.entries()) {
      const calls = [call({ x: ref() }), call({ x: ref("moved") })];
      const fetching = calls.map((one) => one.fetch(gpu));
      reads[i]!.reject(failure);
      for (const fetch of fetching) {
        await assert.rejects(fetch, { name: failure.name });
      }
      for (const one of calls) one.release();
    }
    assert.equal(reads.length, 2);
    assert.deepEqual(freed, [], "a call that fails moves nothing");
  },
);

gpuTest("CallRefs: a moved ref is disposed of once the call has taken it over", async (gpu) => {
  const { reads, freed, call, ref } = farRefs();
  const one = call({ x: ref("moved") });
  const fetching = one.fetch(gpu);
  reads[0]!.resolve(count(4));
  await fetching;
  const { consume, onConsumed } = one.options;
  assert.deepEqual(consume, ["x"]);
  const { x } = one.bind({}) as { x: { release(): void } };
  onConsumed!("x");
  x.release(); // as the runner does
  one.release();
  assert.deepEqual(freed, [7]);
});

Deno.test("CallRefs: a ref that was disposed of is refused by the name of its binding", () => {
  const { call, ref } = farRefs();
  assert.throws(() => call({ x: ref("disposed") }), {
    name: "KernelArgumentError",
    message: /binding "x" was disposed of/,
  });
});
