/** What tests of links share. @module */
import assert from "node:assert/strict";
import { type Codec, FrameWriter, readFrames } from "../../src/core/codec.ts";
import type { CallFrame, Frame, RawFrame, TellFrame } from "../../src/core/protocol.ts";
import type { Link, LinkHandler } from "../../src/link/link.ts";

/** A handler that remembers, and lets a test wait for what it has not heard yet. */
export class Ear implements LinkHandler {
  readonly frames: RawFrame[] = [];
  readonly closings: (Error | undefined)[] = [];
  /** How many times frames came, those that came together counted once. */
  arrivals = 0;
  readonly closing: Promise<Error | undefined>;
  readonly #closed = Promise.withResolvers<Error | undefined>();
  #arriving = false;
  #wanted = 0;
  #enough = Promise.withResolvers<void>();

  constructor(link?: Link) {
    this.closing = this.#closed.promise;
    link?.open(this);
  }

  frame(frame: RawFrame): void {
    if (!this.#arriving) {
      this.#arriving = true;
      this.arrivals++;
      queueMicrotask(() => this.#arriving = false);
    }
    this.frames.push(frame);
    if (this.frames.length === this.#wanted) this.#enough.resolve();
  }

  closed(error?: Error): void {
    this.closings.push(error);
    this.#closed.resolve(error);
    this.#enough.reject(error ?? new Error(`Closed after ${this.frames.length} frames`));
    this.#enough.promise.catch(() => {});
  }

  /** Resolves once so many frames have come in all. */
  async heard(count: number): Promise<RawFrame[]> {
    if (this.frames.length < count) {
      this.#wanted = count;
      this.#enough = Promise.withResolvers();
      if (this.closings.length > 0) throw new Error(`Closed after ${this.frames.length} frames`);
      await this.#enough.promise;
    }
    return this.frames;
  }
}

/** A frame with this id and these arguments. */
export function tell(id: number, ...args: unknown[]): TellFrame {
  return {
    kind: "tell",
    id,
    to: { host: 2, pool: 3 },
    from: { host: 1, pool: 0 },
    uid: "actor",
    method: "method",
    args,
  };
}

/** Bytes that are wrong if any part of them is lost, doubled or misplaced. */
export function pattern(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = length | 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Fails if two byte arrays differ; `deepEqual` takes seconds for 20 MB. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(actual.length, expected.length);
  assert.ok(indexOfDifference(actual, expected) === -1, "the bytes differ");
}

function indexOfDifference(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return i;
  return -1;
}

/** A frame as another link would have brought it. */
export function raw(codec: Codec, frame: Frame): RawFrame {
  const writer = new FrameWriter(codec, "aside");
  writer.write(frame);
  const { bytes, segments } = writer.take();
  return readFrames(bytes, segments, true)[0]!;
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = (t + Math.imul(t ^ t >>> 7, 61 | t)) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

/** The arguments of a call or tell. */
export function argsOf(frame: Frame): readonly unknown[] {
  return (frame as CallFrame | TellFrame).args;
}
