import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import type { DeviceRef } from "../src/actor/device_ref.ts";
import type { GpuHandle } from "./device.ts";
import { disposed } from "./device_store.ts";
import { fetchSlot, type Where } from "./fetch.ts";
import type { GpuSlot } from "./slot.ts";

/** Data on its way, or there. */
interface Coming {
  readonly slot: Promise<GpuSlot>;
  /** Those that have asked for it and are not done. */
  users: number;
}

/** Data of other pools, while calls use it: what is bound twice, or wanted by several calls, comes once. */
export class FarRefs {
  readonly #coming = new Map<string, Coming>();

  /**
   * The data on this device; whoever asks has a reference of his own, and says when he is {@linkcode done}.
   *
   * @throws What `fetchSlot` throws.
   */
  async get(gpu: GpuHandle, ref: DeviceRef, where: Where): Promise<GpuSlot> {
    const key = keyOf(gpu, ref);
    const known = this.#coming.get(key);
    if (known === undefined) return await this.#fetch(key, gpu, ref, where);
    known.users++;
    let slot: GpuSlot;
    try {
      slot = await known.slot;
    } catch (error) {
      // It says what another call wanted it for.
      if (error instanceof KernelArgumentError) disposed(...where);
      throw error;
    }
    // Who was first may have used its memory up.
    return slot.references > 0 ? slot.retain() : await fetchSlot(gpu, ref, where);
  }

  /** Who has asked for it does not need it any more. */
  done(gpu: GpuHandle, ref: DeviceRef): void {
    const key = keyOf(gpu, ref);
    const known = this.#coming.get(key);
    if (known !== undefined && --known.users === 0) this.#coming.delete(key);
  }

  #fetch(key: string, gpu: GpuHandle, ref: DeviceRef, where: Where): Promise<GpuSlot> {
    const slot = fetchSlot(gpu, ref, where);
    this.#coming.set(key, { slot, users: 1 });
    return slot;
  }
}

function keyOf({ generation }: GpuHandle, { owner: { host, pool }, id }: DeviceRef): string {
  return `${generation}/${host}/${pool}/${id}`;
}
