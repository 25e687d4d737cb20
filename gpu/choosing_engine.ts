/** Runs small calls of a kernel by its twin, and others on the device. */

import { DeviceRef } from "../src/actor/device_ref.ts";
import type { CallPlace, KeptResult, KernelEngine } from "./kernel_engine.ts";
import type { Choice, KernelStats } from "./kernel_stats.ts";
import { KernelTimes } from "./kernel_times.ts";
import type { Twin } from "./twin.ts";
import type { TypedArray } from "./typed_array.ts";

/** Both are measured this often for a size before the faster one is known. */
const TRIED = 3;
/** The slower one is tried again once in so many calls: the load of a machine changes. */
const TRY_AGAIN = 64;
/** What is expected to be slower than this many times the other is not worth a try. */
const HOPELESS = 8;

/**
 * Chooses by the length of the longest array: below a bound the twin, or whichever was faster for such
 * calls. It runs in the device's pool, so it is for what takes no longer than the way to the device.
 */
export class ChoosingEngine implements KernelEngine {
  readonly #device: KernelEngine;
  readonly #twin: Twin;
  readonly #minWork: number | "auto";
  readonly #times = new KernelTimes();
  readonly #count = { device: 0, twin: 0 };
  #last: Choice | null = null;

  /** @param device What runs it on the device. */
  constructor(device: KernelEngine, twin: Twin, minWork: number | "auto") {
    this.#device = device;
    this.#twin = twin;
    this.#minWork = minWork;
  }

  async run(args: object, place: CallPlace): Promise<KeptResult[]> {
    this.#note({ on: "device", reason: "its results stay there" });
    return await this.#device.run(args, place);
  }

  async compute(args: object, place: CallPlace): Promise<Record<string, TypedArray>> {
    const work = workOf(args);
    const choice = work === null
      ? { on: "device" as const, reason: "its data is there" }
      : choose(this.#minWork, work, this.#times, this.#count.device + this.#count.twin);
    this.#note(choice);
    const started = performance.now();
    const results = choice.on === "twin"
      ? await this.#twin.compute(args)
      : await this.#device.compute(args, place);
    if (work !== null) this.#times.measure(choice.on, work, performance.now() - started);
    return results;
  }

  stats(): KernelStats {
    const choices = { ...this.#count, last: this.#last, times: this.#times.list() };
    return { ...this.#device.stats(), choices };
  }

  #note(choice: Choice): void {
    this.#count[choice.on]++;
    this.#last = choice;
  }
}

/** Numbers of the longest array; `null` if a call has data on a device, or no arguments that fit. */
function workOf(args: object): number | null {
  let longest = 0;
  for (const value of Object.values(args ?? {})) {
    if (value instanceof DeviceRef) return null;
    if (ArrayBuffer.isView(value)) longest = Math.max(longest, (value as TypedArray).length);
  }
  return longest;
}

/**
 * Where a call is to run, and why.
 *
 * @param times What such calls took, from their begin to their end, `device` and `twin`.
 * @param calls How many there were.
 */
export function choose(
  minWork: number | "auto",
  work: number,
  times: KernelTimes,
  calls: number,
): Choice {
  if (minWork !== "auto") {
    return work < minWork
      ? { on: "twin", reason: `${work} elements are less than minWork, ${minWork}` }
      : { on: "device", reason: `${work} elements are at least minWork, ${minWork}` };
  }
  const [device, twin] = [times.predict("device", work), times.predict("twin", work)];
  if (device === undefined || times.measured("device", work) < TRIED) {
    if (twin === undefined || device === undefined || device < HOPELESS * twin) {
      return { on: "device", reason: `it is not known yet for ${work} elements` };
    }
  }
  if (twin === undefined || times.measured("twin", work) < TRIED) {
    if (twin === undefined || device === undefined || twin < HOPELESS * device) {
      return { on: "twin", reason: `it is not known yet for ${work} elements` };
    }
  }
  const faster = device! <= twin! ? "device" : "twin";
  const slower = faster === "device" ? "twin" : "device";
  const [best, worst] = [Math.min(device!, twin!), Math.max(device!, twin!)];
  if (calls % TRY_AGAIN === TRY_AGAIN - 1 && worst < HOPELESS * best) {
    return { on: slower, reason: `it is tried again, having taken ${worst.toFixed(2)} ms` };
  }
  const reason = `${best.toFixed(3)} ms are less than ${worst.toFixed(3)} ms by the ${slower}`;
  return { on: faster, reason };
}
