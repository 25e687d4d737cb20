import { type Codec, FrameWriter, readFrames } from "../core/codec.ts";
import type { RawFrame } from "../core/protocol.ts";

/** The arguments of an actor, as they are kept: a list of primitives as it is, all else as bytes. */
export type KeptArgs = readonly unknown[] | RawFrame;

const NONE: readonly unknown[] = Object.freeze([]);

/** Keeps the arguments of actors, once each, to make the actors again. */
export class ArgsKeeper {
  readonly #codec: Codec;
  readonly #writer: FrameWriter;

  constructor(codec: Codec) {
    this.#codec = codec;
    this.#writer = new FrameWriter(codec, "aside");
  }

  /** Arguments that have been sent already, so that all in them can travel. */
  keep(args: readonly unknown[]): KeptArgs {
    if (args.length === 0) return NONE;
    if (args.every((arg) => typeof arg !== "object" || arg === null)) return args;
    const nowhere = { host: 0, pool: 0 };
    const names = { uid: "", method: "" };
    this.#writer.write({ kind: "call", id: 0, to: nowhere, from: nowhere, ...names, args });
    const { bytes, segments } = this.#writer.take();
    return readFrames(bytes, segments, true)[0]!;
  }

  /** The arguments again, to be sent: nobody may change what is in them. */
  read(kept: KeptArgs): readonly unknown[] {
    if (!("kind" in kept)) return kept;
    const frame = this.#codec.decode(kept);
    return frame.kind === "call" ? frame.args : [];
  }
}
