/** Frames made wrong in all the ways that a broken or hostile peer might. */
import assert from "node:assert/strict";
import { FRAME_KINDS, HEADER_BYTES } from "../../src/core/protocol.ts";
import { random } from "./random.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** First bytes of MessagePack items that claim lengths, and of others that are seldom right. */
const CLAIMS = [0xc4, 0xc6, 0xc7, 0xc9, 0xd4, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0x81, 0x91, 0xff];

/** Lengths that are too large, or only just. */
const LENGTHS = [0, 1, 31, 32, 33, 0xffff, 2 ** 20, 2 ** 26, 2 ** 26 + 1, 2 ** 31, 2 ** 32 - 1];

/** Names that every object has, or that an actor keeps for itself. */
const NAMES = ["__proto__", "constructor", "toString", "then", "postCreate", "preDestroy"];

/** How often a fuzz test does what it does by default; more often finds more. */
export const FUZZ_TIMES: number = Number(Deno.env.get("DRAMATIS_FUZZ_TIMES") ?? 1);

/** Makes wrong frames of right ones; the same for the same seed. */
export class Mutator {
  /** A whole number from 0 to below this. */
  readonly below: (end: number) => number;
  /** Ids that mean something to the receiver. */
  readonly ids: readonly number[];

  constructor(seed: number, ids: readonly number[] = [0, 1, 2, 2 ** 48 - 1]) {
    this.below = random(seed);
    this.ids = ids;
  }

  /** One of a list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** A batch of some of these frames, most of it wrong in one to three ways. */
  batch(samples: readonly Bytes[]): Bytes {
    const frames = Array.from({ length: 1 + this.below(3) }, () => this.pick(samples));
    const wrong = this.below(frames.length);
    return concat(frames.map((frame, i) => {
      if (i !== wrong) return frame;
      for (let times = 1 + this.below(3); times > 0; times--) frame = this.mutate(frame, samples);
      return frame;
    }));
  }

  /** A batch of some of these frames, each readable, but not what anybody waits for: twice, renamed, in another's name. */
  muddle(samples: readonly Bytes[]): Bytes {
    const frames = Array.from({ length: 1 + this.below(4) }, () => {
      const frame = this.pick(samples);
      switch (this.below(4)) {
        case 0:
          return this.#replaceId(frame);
        case 1:
          return this.#rename(frame);
        case 2:
          return concat([frame, frame]);
        default:
          return frame;
      }
    });
    return concat(frames);
  }

  /** A frame that is wrong in one way. */
  mutate(frame: Bytes, samples: readonly Bytes[]): Bytes {
    if (frame.length < HEADER_BYTES) return frame;
    if (frame.length === HEADER_BYTES) return this.#header(frame);
    switch (this.below(11)) {
      case 0:
        return this.#bits(frame);
      case 1:
        return this.#claim(frame);
      case 2:
        return frame.slice(0, this.below(frame.length));
      case 3:
        return this.#splice(frame, this.pick(samples));
      case 4:
        return this.#header(frame);
      case 5:
        return this.#replaceId(frame);
      case 6:
        return this.#replaceKind(frame);
      case 7:
        return concat([frame, frame]);
      case 8:
        return this.#nest(frame);
      case 9:
        return this.#rename(frame);
      default:
        return this.#insert(frame);
    }
  }

  /** Somewhere in the body, mostly near its start, where the claims are. */
  #place(frame: Bytes): number {
    const length = frame.length - HEADER_BYTES;
    return HEADER_BYTES + this.below(this.below(4) === 0 ? length : Math.min(length, 60));
  }

  #bits(frame: Bytes): Bytes {
    const result = frame.slice();
    const at = this.below(8) === 0 ? this.below(result.length) : this.#place(result);
    if (this.below(2) === 0) result[at]! ^= 1 << this.below(8);
    else result[at] = this.below(256);
    return result;
  }

  #claim(frame: Bytes): Bytes {
    const result = frame.slice();
    const at = this.#place(result);
    result[at] = this.pick(CLAIMS);
    for (let i = at + 1; i < Math.min(result.length, at + this.below(5)); i++) result[i] = 0xff;
    return result;
  }

  /** The start of one and the end of another, as one frame. */
  #splice(a: Bytes, b: Bytes): Bytes {
    const start = a.slice(0, HEADER_BYTES + this.below(a.length - HEADER_BYTES + 1));
    const from = Math.min(b.length, HEADER_BYTES + this.below(b.length - HEADER_BYTES + 1));
    return whole(concat([start, b.slice(from)]));
  }

  /** Other lengths, hops, numbers of segments, addresses. */
  #header(frame: Bytes): Bytes {
    const result = frame.slice();
    const view = new DataView(result.buffer);
    switch (this.below(5)) {
      case 0:
        view.setUint32(0, this.pick(LENGTHS), true);
        break;
      case 1:
        view.setUint8(5, this.below(256));
        break;
      case 2:
        view.setUint16(6, this.pick([1, 2, 4096, 4097, 65_535]), true);
        break;
      case 3:
        view.setUint16(22, this.pick([0, 1, 2, 65_535]), true);
        break;
      default:
        view.setUint8(16 + this.below(16), this.below(256));
    }
    return result;
  }

  #replaceId(frame: Bytes): Bytes {
    return withId(frame, this.pick(this.ids));
  }

  #replaceKind(frame: Bytes): Bytes {
    const result = frame.slice();
    result[4] = this.below(FRAME_KINDS.length + 1);
    return result;
  }

  /** Containers in containers, in the place of something. */
  #nest(frame: Bytes): Bytes {
    const at = this.#place(frame);
    const depth = this.pick([10, 63, 64, 65, 66, 500]);
    const level = this.pick([[0x91], [0x81, 0xa1, 0x61], [0xdc, 0x00, 0x01], [0x92, 0xc0]]);
    const bomb = new Uint8Array([...Array(depth).fill(level).flat(), 0xc0]);
    return whole(concat([frame.slice(0, at), bomb, frame.slice(at + 1)]));
  }

  /** A text of the frame becomes one of {@linkcode NAMES}. */
  #rename(frame: Bytes): Bytes {
    const text = new TextEncoder().encode(this.pick(NAMES));
    for (let at = this.#place(frame); at < frame.length; at++) {
      const length = frame[at]! - 0xa0;
      if (length < 1 || length > 31 || at + 1 + length > frame.length) continue;
      const name = Uint8Array.of(0xa0 + text.length, ...text);
      return whole(concat([frame.slice(0, at), name, frame.slice(at + 1 + length)]));
    }
    return frame;
  }

  /** Some bytes out, some others in. */
  #insert(frame: Bytes): Bytes {
    const at = this.#place(frame);
    const inserted = Uint8Array.from({ length: this.below(8) }, () => this.below(256));
    return whole(concat([frame.slice(0, at), inserted, frame.slice(at + this.below(8))]));
  }
}

/** Gives a frame without segments the length that it has. */
function whole(frame: Bytes): Bytes {
  if (frame.length >= HEADER_BYTES) {
    new DataView(frame.buffer).setUint32(0, frame.length, true);
  }
  return frame;
}

/** The same frame with another id. */
export function withId(frame: Bytes, id: number): Bytes {
  const result = frame.slice();
  const view = new DataView(result.buffer);
  view.setUint32(8, id >>> 0, true);
  view.setUint16(12, id / 2 ** 32, true);
  return result;
}

/** One after the other. */
export function concat(parts: readonly Uint8Array[]): Bytes {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** Nothing that came may have reached what all objects share. */
export function assertUntouchedPrototypes(): void {
  assert.deepEqual(Object.keys(Object.prototype), []);
  assert.deepEqual(Object.keys(Array.prototype), []);
  assert.equal(Object.getOwnPropertyNames(Object.prototype).length, PROTOTYPE_NAMES);
  const { a } = {} as { a?: unknown };
  assert.equal(a, undefined);
}

const PROTOTYPE_NAMES = Object.getOwnPropertyNames(Object.prototype).length;
