import type { KernelTime } from "../../core/device.ts";
import type { PoolInspection } from "../../debug/inspection.ts";
import type { Metric, Sample } from "./prometheus.ts";

/** Kernels of a pool with series of their own: those that were called most. */
const KERNELS = 64;

/** What devices hold, and how long their kernels take: of kernels by name and size, so many of a pool. */
export function deviceMetrics(pools: readonly PoolInspection[]): Metric[] {
  const uses = pools.flatMap(({ pool: { name }, deviceUse }) =>
    deviceUse === undefined ? [] : [{ pool: name, ...deviceUse }]
  );
  const kernels = uses.flatMap(({ pool, kernels }) =>
    kernels.toSorted((a, b) => b.calls - a.calls).slice(0, KERNELS).map((one) => ({ pool, ...one }))
  );
  const labels = ({ pool, kernel, size }: KernelTime & { readonly pool: string }) => (
    { pool, kernel, size: String(size) }
  );
  return [
    gauge("device_generation", "Devices that each gpu pool has had: more than 1 were lost.", [
      ...uses.map(({ pool, generation }): Sample => [{ pool }, generation]),
    ]),
    gauge("device_used_bytes", "Memory of each device that is in use.", [
      ...uses.map(({ pool, usedBytes }): Sample => [{ pool }, usedBytes]),
    ]),
    gauge("device_idle_bytes", "Memory of each device that is kept for reuse.", [
      ...uses.map(({ pool, idleBytes }): Sample => [{ pool }, idleBytes]),
    ]),
    {
      name: "dramatis_kernel_calls_total",
      type: "counter",
      help:
        "Calls since the pool has started, by kernel and size: invocations, from a power of two.",
      samples: kernels.map((one): Sample => [labels(one), one.calls]),
    },
    gauge(
      "kernel_seconds",
      "Time that a call took on the device, late ones above all, by kernel and size.",
      kernels.filter(({ measured }) => measured > 0)
        .map((one): Sample => [labels(one), one.ms / 1000]),
    ),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name: `dramatis_${name}`, type: "gauge", help, samples };
}
