/** Whoever connects and says nothing keeps nobody out. */
import assert from "node:assert/strict";
import { onHost, startHost } from "@dramatis/dramatis";
import { Sequence } from "../fixtures/sequence.ts";

const MODULE = new URL("../fixtures/sequence.ts", import.meta.url).href;
const UPGRADE = [
  "GET /link HTTP/1.1",
  "Host: 127.0.0.1",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  "",
  "",
].join("\r\n");

for (
  const [name, said] of [
    ["connections that say nothing", ""],
    ["half requests", UPGRADE.slice(0, 40)],
    ["sockets that never answer the challenge", UPGRADE],
  ] as const
) {
  Deno.test(`gateway: 1,000 ${name} keep no host out`, async () => {
    await using there = await startHost({
      pools: [],
      modules: [MODULE],
      listen: { port: 0, limits: { links: 300 } },
    });
    const port = Number(there.address!.split(":").at(-1));
    const silent: Deno.TcpConn[] = [];
    const answer = new Uint8Array(512);
    for (let i = 0; i < 1_000; i++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      silent.push(connection);
      await connection.write(new TextEncoder().encode(said));
      if (said === UPGRADE) await connection.read(answer);
    }
    await using here = await startHost({ pools: [], join: [there.address!] });
    const ref = await here.createActor(Sequence, [], { place: onHost(there.id) });
    assert.equal(await ref.take(0), 0);
    for (const connection of silent) connection.close();
  });
}
