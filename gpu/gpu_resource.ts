import type { Resources } from "../src/actor/actor_type.ts";
import type { GpuHandle } from "./device.ts";
import type { GpuSlot } from "./slot.ts";

/** The key of a gpu pool's device among its resources. */
export const GPU_RESOURCE = "gpu";

/** What the kernel actors of one gpu pool share: the device, and the data they keep on it. */
export class GpuResource {
  readonly gpu: GpuHandle;
  readonly #slots = new Map<number, GpuSlot>();
  #lastId = 0;

  constructor(gpu: GpuHandle) {
    this.gpu = gpu;
  }

  /** Keeps a slot and returns the number that DeviceRefs know it by. */
  keep(slot: GpuSlot): number {
    this.#slots.set(++this.#lastId, slot);
    return this.#lastId;
  }

  /** The slot of a number, if it is kept. */
  get(id: number): GpuSlot | undefined {
    return this.#slots.get(id);
  }

  /** Frees a slot. */
  release(id: number): void {
    this.#slots.get(id)?.release();
    this.#slots.delete(id);
  }
}

/** The device of the pool that these resources belong to, if it has one. */
export function gpuOf(resources: Resources): GpuResource | undefined {
  const gpu = resources[GPU_RESOURCE];
  return gpu instanceof GpuResource ? gpu : undefined;
}
