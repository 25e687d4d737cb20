/** Bind groups of one device: making one takes 20-50 µs on Deno, using one 0.1 µs. */

import type { PooledBuffer } from "./buffers.ts";
import type { DeviceGuard } from "./device_guard.ts";
import type { Program } from "./program.ts";

/** Enough for 64 calls in flight of 32 kernels; each holds about 1 KB. */
const MAX_BIND_GROUPS = 4096;

/** What a bind group gets at one place. */
export interface BoundEntry {
  readonly binding: number;
  /** Bytes that are bound; a multiple of 4. */
  readonly bytes: number;
  /** Which of the call's arrays; -1: a uniform in the arena. */
  readonly array: number;
}

/** A buffer and where in it an array starts, as the device aligns it. */
export interface BoundRange {
  readonly buffer: PooledBuffer;
  readonly offset: number;
}

/** A bind group, and what it is for. */
interface Entry {
  /** The program, the group, and of each of its arrays the buffer, offset and bytes. */
  readonly key: readonly number[];
  readonly bindGroup: GPUBindGroup;
  /** The next of those that fall together by their number. */
  readonly next: Entry | undefined;
}

/**
 * Bind groups by program, group, buffers and sizes, in two generations: what was not used while the
 * young one filled up goes with the old one. So a group that is found costs one look, and no order.
 */
export class BindGroupCache {
  readonly #guard: DeviceGuard;
  /** By a number made of all that they are for. */
  #young = new Map<number, Entry>();
  #old = new Map<number, Entry>();
  #size = 0;
  /** That of the call which is looked up. */
  readonly #key: number[] = [];
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

  /**
   * The bind group for `group` of `program`.
   *
   * @param entries What it gets.
   * @param arrays The call's arrays.
   * @param arena Where all uniforms are.
   */
  get(
    program: Program,
    group: number,
    entries: readonly BoundEntry[],
    arrays: readonly (BoundRange | null)[],
    arena: GPUBuffer,
  ): GPUBindGroup {
    const key = this.#key;
    key[0] = program.id;
    key[1] = group;
    let end = 2;
    let hash = Math.imul(program.id, 31) + group;
    for (let i = 0; i < entries.length; i++) {
      const { array, bytes } = entries[i]!;
      if (array < 0) continue; // there is one arena, and its uniforms have the program's sizes
      const { buffer: { id }, offset } = arrays[array]!;
      key[end++] = id;
      key[end++] = offset;
      key[end++] = bytes;
      hash = Math.imul(hash ^ id, 0x01000193);
      hash = Math.imul(hash ^ offset ^ (bytes << 3), 0x01000193);
    }
    key.length = end;
    const young = find(this.#young.get(hash), key);
    if (young !== undefined) {
      this.#hits++;
      return young;
    }
    const old = find(this.#old.get(hash), key);
    if (old !== undefined) this.#hits++;
    else this.#misses++;
    const bindGroup = old ?? this.#make(program, group, entries, arrays, arena);
    if (this.#size >= MAX_BIND_GROUPS / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#size = 0;
    }
    const next = this.#young.get(hash);
    this.#young.set(hash, { key: key.slice(), bindGroup, next });
    this.#size++;
    return bindGroup;
  }

  #make(
    program: Program,
    group: number,
    entries: readonly BoundEntry[],
    arrays: readonly (BoundRange | null)[],
    arena: GPUBuffer,
  ): GPUBindGroup {
    return this.#guard.device.createBindGroup({
      layout: program.layouts[group]!,
      entries: entries.map(({ binding, bytes, array }) => {
        const { buffer, offset } = array < 0
          ? { buffer: { raw: arena }, offset: 0 }
          : arrays[array]!;
        return { binding, resource: { buffer: buffer.raw, offset, size: bytes } };
      }),
    });
  }
}

function find(first: Entry | undefined, key: readonly number[]): GPUBindGroup | undefined {
  for (let entry = first; entry !== undefined; entry = entry.next) {
    if (areSame(entry.key, key)) return entry.bindGroup;
  }
  return undefined;
}

function areSame(some: readonly number[], others: readonly number[]): boolean {
  for (let i = 0; i < some.length; i++) if (some[i] !== others[i]) return false;
  return some.length === others.length;
}
