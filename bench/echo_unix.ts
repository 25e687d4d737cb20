/** Connects to a Unix socket and sends back what comes. @module */

const connection = await Deno.connect({ transport: "unix", path: Deno.args[0]! });
const chunk = new Uint8Array(64 * 1024);
for (
  let count = await connection.read(chunk);
  count !== null;
  count = await connection.read(chunk)
) {
  for (let at = 0; at < count;) at += await connection.write(chunk.subarray(at, count));
}
