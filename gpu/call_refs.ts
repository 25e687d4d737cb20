/** The DeviceRefs among a call's arguments, and what stands for them on the device. */

import { type ActorAddress, samePool } from "../src/core/address.ts";
import { KernelArgumentError } from "../src/core/errors.ts";
import { DeviceRef } from "../src/actor/device_ref.ts";
import type { GpuHandle } from "./device.ts";
import { disposed } from "./device_store.ts";
import { fetchSlot, type Where } from "./fetch.ts";
import type { GpuResource } from "./gpu_resource.ts";
import type { EnqueueOptions } from "./kernel_runner.ts";
import type { GpuSlot } from "./slot.ts";
import { describeValue } from "./typed_array.ts";

/** A ref, and which argument it is. */
export type RefArgument = readonly [ref: DeviceRef, where: Where];

/**
 * The DeviceRefs among the arguments.
 *
 * @throws {KernelArgumentError} When the arguments are no object.
 */
export function refsOf(kernel: string, args: unknown): RefArgument[] {
  if (typeof args !== "object" || args === null || Array.isArray(args)) {
    throw new KernelArgumentError(
      `${kernel} takes one object with its arguments by binding name, got ${describeValue(args)}`,
    );
  }
  const refs: RefArgument[] = [];
  for (const [name, value] of Object.entries(args)) {
    if (!(value instanceof DeviceRef)) continue;
    refs.push([value, [`${kernel}: the DeviceRef of binding "${name}"`, name]]);
  }
  return refs;
}

/** Whether the call may use its memory up. */
export function isMoved({ state }: DeviceRef): boolean {
  return state === "moved";
}

/** Whether an actor keeps it itself. */
export function isOwn({ owner }: DeviceRef, address: ActorAddress): boolean {
  return samePool(owner, address) && owner.uid === address.uid;
}

/** Waits for all, whatever becomes of one, then throws what the first of those that failed has thrown. */
export async function all(coming: readonly Promise<void>[]): Promise<void> {
  for (const one of await Promise.allSettled(coming)) {
    if (one.status === "rejected") throw one.reason;
  }
}

/** The slots of one call: first held, then fetched, then bound; in the end released. */
export class CallRefs {
  readonly #resource: GpuResource;
  readonly #here: readonly RefArgument[];
  readonly #far: readonly RefArgument[];
  readonly #held = new Map<string, GpuSlot>();
  readonly #fetched = new Map<string, GpuSlot>();
  readonly #moved = new Map<string, DeviceRef>();

  /** @param address Where the call runs. */
  constructor(resource: GpuResource, address: ActorAddress, refs: readonly RefArgument[]) {
    this.#resource = resource;
    this.#here = refs.filter(([ref]) => ref.isIn(address));
    this.#far = refs.filter(([ref]) => !ref.isIn(address));
  }

  /** Whether some have to be fetched. */
  get hasFar(): boolean {
    return this.#far.length > 0;
  }

  /** Whoever disposes of one from now on does not take it away. What is moved is held by nobody. */
  hold(): void {
    for (const [ref, where] of this.#here) {
      const slot = this.#slot(ref, where);
      if (!isMoved(ref)) this.#held.set(where[1], slot.retain());
    }
  }

  /** Brings those that are elsewhere. */
  async fetch(gpu: GpuHandle): Promise<void> {
    await all(this.#far.map(async ([ref, where]) => {
      this.#fetched.set(where[1], await fetchSlot(gpu, ref, where));
    }));
  }

  /** The arguments with slots in the place of refs: for a call that is made at once. */
  bind(args: object): object {
    const bound: Record<string, unknown> = { ...args };
    for (const [name, slot] of [...this.#held, ...this.#fetched]) bound[name] = slot;
    for (const [ref, where] of this.#here) {
      if (isMoved(ref)) bound[where[1]] = this.#slot(ref, where);
    }
    for (const [ref, [, name]] of [...this.#here, ...this.#far]) {
      const isFirst = ![...this.#moved.values()].some(({ id }) => id === ref.id);
      if (isMoved(ref) && isFirst) this.#moved.set(name, ref);
    }
    return bound;
  }

  /** What the call takes over: what is moved, and what was fetched for it alone. */
  get options(): EnqueueOptions {
    return {
      consume: [...new Set([...this.#fetched.keys(), ...this.#moved.keys()])],
      onConsumed: (name) => {
        const ref = this.#moved.get(name);
        if (!this.#fetched.delete(name)) this.#resource.take(ref!.id);
        else ref?.dispose();
      },
    };
  }

  /** Lets go of what the call has not taken over. */
  release(): void {
    for (const slot of [...this.#held.values(), ...this.#fetched.values()]) slot.release();
  }

  #slot({ id }: DeviceRef, where: Where): GpuSlot {
    return this.#resource.get(id) ?? disposed(...where);
  }
}
