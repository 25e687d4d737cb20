/** Bind groups of one device: making one takes 20-50 µs on Deno, using one 0.1 µs. */

import type { DeviceGuard } from "./device_guard.ts";
import type { Program } from "./program.ts";

/** Enough for 64 calls in flight of 32 kernels; each holds about 1 KB. */
const MAX_BIND_GROUPS = 4096;

/** One buffer of a bind group. */
export interface BoundBuffer {
  readonly binding: number;
  /** Unique among the device's buffers, never reused. */
  readonly id: number;
  readonly raw: GPUBuffer;
  /** Where in the buffer it starts, as the device aligns it. */
  readonly offset: number;
  /** Bytes from there; a multiple of 4. */
  readonly bytes: number;
}

/**
 * Bind groups by program, group, buffers and sizes, in two generations: what was not used while the
 * young one filled up goes with the old one. So a group that is found costs one look, and no order.
 */
export class BindGroupCache {
  readonly #guard: DeviceGuard;
  #young = new Map<string, GPUBindGroup>();
  #old = new Map<string, GPUBindGroup>();
  #hits = 0;
  #misses = 0;

  constructor(guard: DeviceGuard) {
    this.#guard = guard;
    guard.onLost(() => {
      this.#young.clear();
      this.#old.clear();
    });
  }

  /** How often a group was there already, and how often it was made. */
  get counts(): { readonly hits: number; readonly misses: number } {
    return { hits: this.#hits, misses: this.#misses };
  }

  /** The bind group with these buffers for `group` of `program`. */
  get(program: Program, group: number, buffers: readonly BoundBuffer[]): GPUBindGroup {
    let key = `${program.id}.${group}`;
    for (const { id, offset, bytes } of buffers) key += `|${id}:${offset}:${bytes}`;
    const young = this.#young.get(key);
    if (young !== undefined) {
      this.#hits++;
      return young;
    }
    const old = this.#old.get(key);
    if (old !== undefined) this.#hits++;
    else this.#misses++;
    const found = old ?? this.#make(program, group, buffers);
    if (this.#young.size >= MAX_BIND_GROUPS / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, found);
    return found;
  }

  #make(program: Program, group: number, buffers: readonly BoundBuffer[]): GPUBindGroup {
    return this.#guard.device.createBindGroup({
      layout: program.layouts[group]!,
      entries: buffers.map(({ binding, raw, offset, bytes }) => ({
        binding,
        resource: { buffer: raw, offset, size: bytes },
      })),
    });
  }
}
