import { type Codec, FrameWriter, readFrames } from "../core/codec.ts";

const NOWHERE = Object.freeze({ host: 0, pool: 0 });

/** States as bytes, as they would travel in a message: Maps, cycles, typed arrays, refs. */
export class StateCodec {
  readonly #codec: Codec;
  readonly #writer: FrameWriter;

  constructor(codec: Codec) {
    this.#codec = codec;
    this.#writer = new FrameWriter(codec, "inline");
  }

  /**
   * A state as bytes.
   *
   * @throws {NotSerializableError} with the path of what cannot travel.
   */
  encode(state: unknown): Uint8Array<ArrayBuffer> {
    this.#writer.write({ kind: "reply", id: 0, to: NOWHERE, from: NOWHERE, value: state });
    return this.#writer.take().bytes;
  }

  /** The state again, one of its own each time. */
  decode(bytes: Uint8Array): unknown {
    const frame = this.#codec.decode(readFrames(bytes, "inline", false)[0]!);
    return frame.kind === "reply" ? frame.value : undefined;
  }
}
