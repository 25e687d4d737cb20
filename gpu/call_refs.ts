/** The DeviceRefs among a call's arguments, and what stands for them on the device. */

import { type ActorAddress, samePool } from "../src/core/address.ts";
import { KernelArgumentError } from "../src/core/gpu_errors.ts";
import { DeviceRef } from "../src/actor/device_ref.ts";
import type { GpuHandle } from "./device.ts";
import { disposed } from "./device_store.ts";
import type { Where } from "./fetch.ts";
import type { GpuResource } from "./gpu_resource.ts";
import type { EnqueueOptions } from "./kernel_runner.ts";
import type { GpuSlot } from "./slot.ts";
import { describeValue } from "./typed_array.ts";

/** A ref, and which argument it is. */
export type RefArgument = readonly [ref: DeviceRef, where: Where];

/**
 * The DeviceRefs among the arguments.
 *
 * @throws {KernelArgumentError} When the arguments are no object, or one was disposed of.
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
    const where: Where = [`${kernel}: the DeviceRef of binding "${name}"`, name];
    if (value.state === "disposed") disposed(...where);
    refs.push([value, where]);
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

/** One ref of a call, and what stands for it. */
interface BoundRef {
  readonly ref: DeviceRef;
  readonly where: Where;
  /** `null` until it is held or fetched, and of what is moved, which nobody holds. */
  slot: GpuSlot | null;
  readonly isFar: boolean;
  /** Whether the call ends the ref; of several with one number the first. */
  readonly isMoved: boolean;
}

/** The slots of one call: first held, then fetched, then bound; in the end released. */
export class CallRefs {
  readonly #resource: GpuResource;
  readonly #refs: readonly BoundRef[];
  /** The device that those from elsewhere were asked for. */
  #asked: GpuHandle | null = null;

  /** @param address Where the call runs. */
  constructor(resource: GpuResource, address: ActorAddress, refs: readonly RefArgument[]) {
    this.#resource = resource;
    this.#refs = refs.map(([ref, where], i) => ({
      ref,
      where,
      slot: null,
      isFar: !ref.isIn(address),
      isMoved: isMoved(ref) &&
        !refs.some(([other], j) => j < i && isMoved(other) && other.id === ref.id),
    }));
  }

  /** Whether some have to be fetched. */
  get hasFar(): boolean {
    return this.#refs.some(({ isFar }) => isFar);
  }

  /** Whoever disposes of one from now on does not take it away. What is moved is held by nobody. */
  hold(): void {
    for (const one of this.#refs) {
      if (one.isFar) continue;
      const slot = this.#slot(one);
      if (!isMoved(one.ref)) one.slot = slot.retain();
    }
  }

  /** Brings those that are elsewhere. */
  async fetch(gpu: GpuHandle): Promise<void> {
    this.#asked = gpu;
    const far = this.#refs.filter(({ isFar }) => isFar);
    await all(far.map(async (one) => {
      one.slot = await this.#resource.far.get(gpu, one.ref, one.where);
    }));
  }

  /** The arguments with slots in the place of refs: for a call that is made at once. */
  bind(args: object): object {
    const bound: Record<string, unknown> = { ...args };
    for (const one of this.#refs) bound[one.where[1]] = one.slot ?? this.#slot(one);
    return bound;
  }

  /** What the call takes over: what is moved, and its references of what was fetched. */
  get options(): EnqueueOptions {
    const taken = this.#refs.filter(({ isFar, isMoved }) => isFar || isMoved);
    if (taken.length === 0) return {};
    return {
      consume: taken.map(({ where }) => where[1]),
      onConsumed: (name) => this.#consumed(taken.find(({ where }) => where[1] === name)!),
    };
  }

  /** Lets go of what the call has not taken over. */
  release(): void {
    for (const { ref, slot, isFar } of this.#refs) {
      slot?.release();
      if (isFar && this.#asked !== null) this.#resource.far.done(this.#asked, ref);
    }
  }

  #consumed(one: BoundRef): void {
    if (!one.isFar) return this.#resource.take(one.ref.id);
    one.slot = null;
    if (one.isMoved) one.ref.dispose();
  }

  #slot({ ref: { id }, where }: BoundRef): GpuSlot {
    return this.#resource.get(id) ?? disposed(...where);
  }
}
