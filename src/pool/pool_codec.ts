import { Codec } from "../core/codec.ts";
import { type BufferHost, bufferRefExtension } from "../actor/buffer_ref.ts";
import { deviceRefExtension } from "../actor/device_ref.ts";
import { streamExtension, type StreamHost } from "../actor/remote_stream.ts";
import { refExtension } from "../actor/ref.ts";
import type { Caller } from "../actor/ref_method.ts";

/** What the handles in a message are bound to. */
export interface HandleHost extends Caller {
  readonly streams: StreamHost;
  readonly buffers: BufferHost;
}

/** The codec of a pool: what arrives and refers to elsewhere is bound to that pool. */
export function poolCodec(pool: () => HandleHost): Codec {
  return new Codec([
    refExtension(pool),
    deviceRefExtension(pool),
    bufferRefExtension(() => pool().buffers),
    streamExtension(() => pool().streams),
  ]);
}
