import { Codec } from "../core/codec.ts";
import { deviceRefExtension } from "../actor/device_ref.ts";
import { streamExtension, type StreamHost } from "../actor/remote_stream.ts";
import { refExtension } from "../actor/ref.ts";
import type { Caller } from "../actor/ref_method.ts";

/** The codec of a pool: what arrives and refers to elsewhere is bound to that pool. */
export function poolCodec(pool: () => Caller & { readonly streams: StreamHost }): Codec {
  return new Codec([
    refExtension(pool),
    deviceRefExtension(pool),
    streamExtension(() => pool().streams),
  ]);
}
