/** The other end of the bare messages by WebSocket: a process that does what comes; prints its port. @module */
import type { BareRequest } from "./bare_messages.ts";

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  let count = 0;
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
    if (typeof data !== "string") return socket.send(String(data.byteLength));
    const asked = JSON.parse(data) as BareRequest;
    switch (asked.kind) {
      case "batch":
        return socket.send(JSON.stringify(asked.items.map(([k]) => 2 * k)));
      case "note":
        count++;
        return;
      case "count":
        return socket.send(String(count));
      case "items":
        for (let i = 0; i < asked.count; i++) socket.send(String(i));
    }
  };
  return response;
});
// deno-lint-ignore no-console
console.log(server.addr.port);
