/** Ways for a value to travel, for the codec's tests. */
import { Codec, FrameWriter, readFrames } from "../../src/core/codec.ts";
import type { CallFrame, Frame } from "../../src/core/protocol.ts";

/** An address with all bits in use. */
export const HERE = Object.freeze({ host: 0xfedcba987654, pool: 0x1234 });
/** Another. */
export const THERE = Object.freeze({ host: 0x010203040506, pool: 0 });

/** A call with these arguments. */
export function call(args: readonly unknown[]): CallFrame {
  return { kind: "call", id: 7, to: THERE, from: HERE, uid: "u", method: "m", args };
}

/** How a value may travel. */
export interface Way {
  readonly name: string;
  /** Whether shared memory may go this way. */
  readonly sameHost: boolean;
  /** What arrives for the arguments. */
  send(args: readonly unknown[]): readonly unknown[];
}

/** Sends one frame through bytes. */
export function through(
  codec: Codec,
  frame: Frame,
  mode: "inline" | "aside",
  trusted: boolean,
): Frame {
  const writer = new FrameWriter(codec, mode);
  writer.write(frame);
  const { bytes, segments } = writer.take();
  const [raw] = readFrames(bytes, mode === "inline" ? "inline" : segments, trusted);
  return codec.decode(raw!);
}

/** Every way for arguments to travel. */
export function ways(codec: Codec = new Codec()): readonly Way[] {
  const link = (mode: "inline" | "aside", trusted: boolean): Way => ({
    name: `${mode}${trusted ? "" : ", untrusted"}`,
    sameHost: mode === "aside",
    send: (args) => (through(codec, call(args), mode, trusted) as CallFrame).args,
  });
  return [
    link("aside", true),
    link("inline", true),
    link("inline", false),
    { name: "copy", sameHost: true, send: (args) => codec.copy(args, "args") },
  ];
}
