/** A bare WebSocket echo server in a process of its own; prints its port. @module */

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => socket.send(data);
  return response;
});
// deno-lint-ignore no-console
console.log(server.addr.port);
