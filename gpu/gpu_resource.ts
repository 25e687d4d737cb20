import type { Resources } from "../src/actor/actor_type.ts";
import type { GpuHandle } from "./device.ts";
import type { DeviceKeeper } from "./device_keeper.ts";
import { FarRefs } from "./far_refs.ts";
import { firstId } from "./first_id.ts";
import type { GpuSlot } from "./slot.ts";

/** The key of a gpu pool's device among its resources. */
export const GPU_RESOURCE = "gpu";

/** Makes the content of a slot again, on a new device. */
export type RestoreSlot = (gpu: GpuHandle) => Promise<GpuSlot>;

interface KeptSlot {
  readonly slot: GpuSlot;
  readonly restore: RestoreSlot | undefined;
  /** It was taken out: whoever kept it does not any more. */
  readonly taken: (() => void) | undefined;
}

/** What the kernel actors of one gpu pool share: the device, and the data they keep on it. */
export class GpuResource {
  /** Data of other pools that is used here. */
  readonly far: FarRefs = new FarRefs();
  readonly #keeper: DeviceKeeper;
  readonly #slots = new Map<number, KeptSlot>();
  #lastId = firstId();

  constructor(keeper: DeviceKeeper) {
    this.#keeper = keeper;
    keeper.onReopen = (gpu) => this.#restore(gpu);
  }

  /** The device that was opened last; it may be lost. */
  get gpu(): GpuHandle {
    return this.#keeper.current;
  }

  /**
   * A device that lives: at once, or the next one, if the last was lost.
   *
   * @throws {GpuDeviceLostError} When no other could be opened.
   */
  ready(): GpuHandle | Promise<GpuHandle> {
    return this.#keeper.ready();
  }

  /**
   * Keeps a slot and returns the number that DeviceRefs know it by.
   *
   * @param restore Makes it again when the device is lost; without it, it is lost too.
   * @param taken Called if it is taken out.
   */
  keep(slot: GpuSlot, restore?: RestoreSlot, taken?: () => void): number {
    this.#slots.set(++this.#lastId, { slot, restore, taken });
    return this.#lastId;
  }

  /** The slot of a number, if it is kept. */
  get(id: number): GpuSlot | undefined {
    return this.#slots.get(id)?.slot;
  }

  /** Keeps a slot no longer, without freeing it: it was moved. */
  take(id: number): void {
    const kept = this.#slots.get(id);
    this.#slots.delete(id);
    kept?.taken?.();
  }

  /** Frees a slot. */
  release(id: number): void {
    this.#slots.get(id)?.slot.release();
    this.#slots.delete(id);
  }

  /** Makes again what can be. A slot whose `restore` fails has its error, and the others come back. */
  async #restore(gpu: GpuHandle): Promise<void> {
    await Promise.all([...this.#slots].map(async ([id, { slot, restore, taken }]) => {
      if (restore === undefined) return;
      try {
        const again = await restore(gpu);
        if (this.#slots.get(id)?.slot === slot) {
          this.#slots.set(id, { slot: again, restore, taken });
        } else again.release(); // it was freed meanwhile
      } catch (error) {
        gpu.guard.check();
        slot.fail(error instanceof Error ? error : new Error(String(error)));
      }
    }));
  }
}

/** The device of the pool that these resources belong to, if it has one. */
export function gpuOf(resources: Resources): GpuResource | undefined {
  const gpu = resources[GPU_RESOURCE];
  return gpu instanceof GpuResource ? gpu : undefined;
}
