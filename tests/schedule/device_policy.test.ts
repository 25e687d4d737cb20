/** What a device must have, what will do instead, and what is said of it. */
import assert from "node:assert/strict";
import type { Device } from "../../src/core/device.ts";
import { CPU } from "../../src/core/device.ts";
import { PlacementError } from "../../src/core/host_errors.ts";
import type { PoolDescription } from "../../src/core/protocol.ts";
import { device, type DeviceOptions } from "../../src/schedule/device_policy.ts";
import { leastLoaded, onPool, type Placement } from "../../src/schedule/policy.ts";
import { Scheduler } from "../../src/schedule/scheduler.ts";

const HOST = 1;
const MIB = 2 ** 20;

const SMALL: Device = {
  kind: "gpu",
  name: "Small card",
  features: [],
  limits: { maxBufferSize: 256 * MIB, maxStorageBufferBindingSize: 128 * MIB },
  memoryBytes: 1024 * MIB,
};
const LARGE: Device = {
  kind: "gpu",
  name: "Large card",
  features: ["shader-f16", "subgroups"],
  limits: { maxBufferSize: 4096 * MIB, maxStorageBufferBindingSize: 2048 * MIB },
};
const SOFTWARE: Device = { ...LARGE, kind: "software", name: "llvmpipe", features: ["subgroups"] };

function pool(number: number, device: Device, actors = 0): PoolDescription {
  const kind = device.kind === "cpu" ? "worker" : "gpu";
  return { host: HOST, pool: number, name: `${kind}-${number}`, kind, labels: [], device, actors };
}

const POOLS = [pool(1, CPU), pool(2, SMALL), pool(3, LARGE), pool(4, SOFTWARE)];

function decide(options: DeviceOptions, pools: readonly PoolDescription[] = POOLS) {
  return new Scheduler(HOST).decide({ type: "K", home: "gpu", place: device(options) }, pools);
}

function refusals(options: DeviceOptions, pools: readonly PoolDescription[] = POOLS) {
  try {
    return decide(options, pools).refusals.map(({ reason }) => reason);
  } catch (error) {
    assert(error instanceof PlacementError);
    return error.refusals.map(({ reason }) => reason);
  }
}

Deno.test("device: requires features, sizes and memory, and says what is missing", () => {
  assert.equal(decide({}).pool.device.name, "Small card");
  const half = { require: { features: ["shader-f16", "subgroups"] } };
  assert.equal(decide(half).pool.device.name, "Large card");
  assert.deepEqual(refusals(half), [
    "its device is cpu",
    "its device lacks shader-f16, subgroups",
    "its device lacks shader-f16",
  ]);
  const wide = { require: { maxBufferBytes: 512 * MIB } };
  assert.equal(decide(wide).pool.device.name, "Large card");
  assert(refusals(wide).includes(`its device binds at most ${128 * MIB} bytes, not ${512 * MIB}`));
  const roomy = { require: { memoryBytes: 1024 * MIB } };
  assert.equal(decide(roomy).pool.device.name, "Small card");
  assert(refusals(roomy).includes("its memory is not known: say it by gpuPool({ memoryBytes })"));
  assert(
    refusals({ require: { memoryBytes: 2048 * MIB } })
      .includes(`it may use ${1024 * MIB} bytes of memory, not ${2048 * MIB}`),
  );
});

Deno.test("device: what falls short is passed over as if it were not there, and that is said", () => {
  const f64 = { features: ["subgroups"], maxBufferBytes: 4096 * MIB };
  assert.throws(() => decide({ require: f64 }), PlacementError);
  const { pool: twin, reason } = decide({ require: f64, fallback: "cpu" });
  assert.equal(twin.name, "worker-1");
  assert.match(reason, /its device is cpu, as there is no gpu that will do; it has 0 actors$/);
  const others = POOLS.filter(({ pool }) => pool !== 3);
  const software = decide({ require: { features: ["subgroups"] } }, others);
  assert.match(
    software.reason,
    /best by device, leastLoaded; its device is software \(llvmpipe\), as/,
  );
  assert.throws(
    () => decide({ require: { features: ["subgroups"] }, fallback: "none" }, others),
    PlacementError,
  );
  assert.match(decide({}).reason, /; its device is gpu \(Small card\); it has 0 actors$/);
});

Deno.test("device: near the data first, among devices of a kind", () => {
  const data = (pool: number, length: number) => ({ owner: { host: HOST, pool }, length });
  assert.equal(decide({ near: [data(2, 10), data(3, 30)] }).pool.pool, 3);
  assert.equal(decide({ near: [data(2, 31), data(3, 30)] }).pool.pool, 2);
  assert.match(
    decide({ near: [data(2, 10), data(3, 30)] }).reason,
    /, with 75 % of the data; it has 0 actors$/,
  );
  assert.equal(decide({ near: [data(4, 99), data(3, 1)] }).pool.pool, 3, "the kind counts more");
  const busy = [pool(2, SMALL, 9), pool(3, LARGE, 1)];
  assert.equal(decide({ near: [data(2, 1)] }, busy).pool.pool, 2, "and the load less");
});

Deno.test("device: an exclusive one is alone for as long as it lives", () => {
  const scheduler = new Scheduler(HOST);
  const place = device({ exclusive: true });
  const pools = [pool(2, SMALL, 1), pool(3, LARGE)];
  const choose = (place?: Placement) => scheduler.choose({ type: "K", home: "gpu", place }, pools);
  const alone = choose(place);
  assert.equal(alone.pool.pool, 3);
  assert.throws(() => choose(place), (error) => {
    assert(error instanceof PlacementError);
    assert.deepEqual(error.refusals.map(({ reason }) => reason), [
      "it has an actor, and is wanted for one alone",
      "an actor has it to itself",
    ]);
    return true;
  });
  for (const other of [undefined, leastLoaded(), device()]) {
    const choice = choose(other);
    assert.equal(choice.pool.pool, 2);
    choice.lease[Symbol.dispose]();
  }
  assert.throws(() => choose(onPool(3)), /an actor has it to itself/);
  alone.lease.settle();
  assert.throws(() => choose(onPool(3)), /an actor has it to itself/);
  alone.lease[Symbol.dispose]();
  assert.equal(choose(onPool(3)).pool.pool, 3, "it has ended");
  const cpu = device({ prefer: "cpu", exclusive: true });
  const onCpu = scheduler.choose({ type: "K", home: "gpu", place: cpu }, [pool(1, CPU, 5)]);
  assert.equal(onCpu.pool.pool, 1, "a CPU is not had alone");
});

Deno.test("device: memory is given away, each device's own", () => {
  const scheduler = new Scheduler(HOST);
  const pools = [pool(2, SMALL), pool(3, { ...SMALL, name: "Other card" })];
  const choose = (mib: number) => {
    const place = device({ require: { memoryBytes: mib * MIB } });
    return scheduler.choose({ type: "K", home: "gpu", place }, pools);
  };
  const first = choose(600);
  const second = choose(600);
  assert.deepEqual([first, second].map(({ pool }) => pool.pool), [2, 3]);
  // 848 MiB are left in all, but not on one of them.
  assert.throws(() => choose(600), (error) => {
    assert(error instanceof PlacementError);
    const reason = `it may use ${1024 * MIB} bytes of memory, of which actors have ${
      600 * MIB
    }, not ${600 * MIB}`;
    assert.deepEqual(error.refusals.map((one) => one.reason), [reason, reason]);
    return true;
  });
  assert.equal(choose(400).pool.pool, 2);
  second.lease[Symbol.dispose]();
  assert.equal(choose(600).pool.pool, 3);
});

Deno.test("device: refuses options that are none", () => {
  assert.throws(() => device({ prefer: "tpu" as never }), /prefer is .* got "tpu"/);
  assert.throws(() => device({ fallback: "gpu" as never }), /fallback is .* got "gpu"/);
  assert.throws(() => device({ require: { memoryBytes: NaN } }), /require\.memoryBytes .* got NaN/);
  assert.throws(() => device({ require: { maxBufferBytes: -1 } }), RangeError);
  assert.throws(() => device({ minWork: -1 }), /minWork is .* got -1/);
  assert.deepEqual(device({ minWork: "auto" }), {
    policy: "device",
    prefer: "gpu",
    fallback: "software",
    minWork: "auto",
  });
});
