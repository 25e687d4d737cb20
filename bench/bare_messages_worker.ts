/** The other end of the bare messages by postMessage: a worker that does what comes on a port. @module */
import type { BareRequest } from "./bare_messages.ts";

self.addEventListener("message", ({ data: port }: MessageEvent<MessagePort>) => {
  let count = 0;
  port.onmessage = ({ data }: MessageEvent<BareRequest | Uint8Array | { move: Uint8Array }>) => {
    if (data instanceof Uint8Array) return port.postMessage(data.length);
    if ("move" in data) return port.postMessage(data.move, [data.move.buffer as ArrayBuffer]);
    switch (data.kind) {
      case "batch":
        return port.postMessage(data.items.map(([k]) => 2 * k));
      case "note":
        count++;
        return;
      case "count":
        return port.postMessage(count);
      case "items":
        for (let i = 0; i < data.count; i++) port.postMessage(i);
    }
  };
});
