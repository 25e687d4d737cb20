/** A bare WebSocket echo server in a process of its own; prints its port. @module */

/** Of what is longer only so much comes back. */
const SMALL_BYTES = 1024;

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
    socket.send(data.byteLength > SMALL_BYTES ? data.slice(0, SMALL_BYTES) : data);
  };
  return response;
});
// deno-lint-ignore no-console
console.log(server.addr.port);
