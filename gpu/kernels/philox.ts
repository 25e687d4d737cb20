import { type Kernel, kernel } from "../kernel.ts";
import type { KernelOptions } from "../kernel_spec.ts";
import { threadsOf } from "./grid.ts";
import source from "./philox.wgsl" with { type: "text" };

/** Invocations of a workgroup; each makes four numbers. */
const THREADS = 256;
const ROUNDS = 10;

/** The uniform `p` of {@linkcode philox} and {@linkcode random}. */
export interface PhiloxParams {
  /** How many numbers. */
  readonly n: number;
  /** Two words, 0 to 2³² - 1. Another key gives another sequence: the seed. */
  readonly key: readonly [number, number];
  /**
   * Four words, the lowest first: where in the sequence to begin, in steps of four numbers. Who takes
   * `n` numbers continues at the counter plus `ceil(n / 4)`.
   */
  readonly counter: readonly [number, number, number, number];
}

/** The arguments of {@linkcode philox}. */
export interface PhiloxArgs {
  /** `n` words, each of the 2³² equally likely. */
  readonly out: Uint32Array;
  /** How many, and of which sequence. */
  readonly p: PhiloxParams;
}

/** The arguments of {@linkcode random}. */
export interface RandomArgs {
  /** `n` numbers from 0 to below 1: multiples of 2⁻²⁴, all equally likely. */
  readonly out: Float32Array;
  /** How many, and of which sequence. */
  readonly p: PhiloxParams;
}

/** The declaration of {@linkcode philox}. */
export function philoxOptions(threads: number = THREADS): KernelOptions<PhiloxArgs> {
  return {
    wgsl: `alias T = u32; fn number(word: u32) -> T { return word; }\n${source}`,
    overrides: { THREADS: threads },
    threads: ({ p }) => threadsOf(Math.ceil(p.n / (4 * threads)), threads),
    outputs: { out: ({ p }) => p.n },
    cpu: ({ out, p }) => words(p, (at, word) => out[at] = word),
  };
}

/** The declaration of {@linkcode random}. */
export function randomOptions(threads: number = THREADS): KernelOptions<RandomArgs> {
  return {
    wgsl:
      `alias T = f32; fn number(word: u32) -> T { return f32(word >> 8u) * 0x1p-24; }\n${source}`,
    overrides: { THREADS: threads },
    threads: ({ p }) => threadsOf(Math.ceil(p.n / (4 * threads)), threads),
    outputs: { out: ({ p }) => p.n },
    cpu: ({ out, p }) => words(p, (at, word) => out[at] = (word >>> 8) * 2 ** -24),
  };
}

/** Calls with each word of the sequence. */
function words({ n, key, counter }: PhiloxParams, put: (at: number, word: number) => void): void {
  const start = Uint32Array.from(counter);
  const block = new Uint32Array(4);
  for (let at = 0; at < n; at += 4) {
    block.set(start);
    round10(block, key);
    for (let i = 0; i < 4 && at + i < n; i++) put(at + i, block[i]!);
    for (let i = 0; i < 4; i++) {
      start[i]!++;
      if (start[i] !== 0) break; // else it carries
    }
  }
}

/** Philox4x32-10 in place: the counter becomes four random words. */
function round10(c: Uint32Array, key: readonly [number, number]): void {
  let [k0, k1] = key;
  for (let i = 0; i < ROUNDS; i++) {
    const c0 = c[0]!, c1 = c[1]!, c2 = c[2]!, c3 = c[3]!;
    c[0] = highWord(0xCD9E8D57, c2) ^ c1 ^ k0;
    c[1] = Math.imul(0xCD9E8D57, c2);
    c[2] = highWord(0xD2511F53, c0) ^ c3 ^ k1;
    c[3] = Math.imul(0xD2511F53, c0);
    k0 = (k0 + 0x9E3779B9) >>> 0;
    k1 = (k1 + 0xBB67AE85) >>> 0;
  }
}

/** The upper 32 bits of a product of two words, by halves: it has more bits than a number is exact for. */
function highWord(a: number, b: number): number {
  const aLow = a & 0xffff, aHigh = a >>> 16, bLow = b & 0xffff, bHigh = b >>> 16;
  const first = aHigh * bLow + (aLow * bLow >>> 16);
  const second = aLow * bHigh + (first & 0xffff);
  return aHigh * bHigh + Math.floor(first / 0x10000) + Math.floor(second / 0x10000);
}

/**
 * Random words, the same on every device and on the CPU: Philox4x32-10, a generator without state.
 * The words at a counter depend on nothing but the counter and the key, so that many actors can each
 * make a part of one sequence, or each a sequence of its own.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, philox } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const source = await host.createActor(philox, [], { place });
 * const { out } = await source.compute({ p: { n: 4, key: [0, 0], counter: [0, 0, 0, 0] } });
 * console.log(out[0]!.toString(16)); // 6627e8d5
 * ```
 */
export const philox: Kernel<PhiloxArgs, "out"> = kernel(import.meta, "philox", philoxOptions());

/**
 * Random numbers from 0 to below 1, the same on every device and on the CPU: the upper 24 bits of the
 * words that {@linkcode philox} gives.
 *
 * @example
 * ```ts
 * import { device, startHost, workerPool } from "@dramatis/dramatis";
 * import { gpuPool, random } from "@dramatis/dramatis/gpu";
 *
 * await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
 * const place = device({ prefer: "gpu", fallback: "cpu" });
 * const source = await host.createActor(random, [], { place });
 * const { out } = await source.compute({ p: { n: 1000, key: [1, 2], counter: [0, 0, 0, 0] } });
 * console.log(out.every((number) => number >= 0 && number < 1)); // true
 * ```
 */
export const random: Kernel<RandomArgs, "out"> = kernel(import.meta, "random", randomOptions());
