/** Hosts over TLS: who shows the right certificate is let in, and links are as fast and lasting as without. */
import assert from "node:assert/strict";
import { type Host, HostLostError, type HostOptions, onHost, startHost } from "@dramatis/dramatis";
import { Echo } from "../fixtures/actors.ts";
import { Sequence } from "../fixtures/sequence.ts";
import { TcpProxy } from "./tcp_proxy.ts";

// Of a certificate for localhost and 127.0.0.1 that signs itself, made for these tests.
const read = (name: string) =>
  Deno.readTextFile(new URL(`../link/fixtures/${name}`, import.meta.url));
const [cert, key] = await Promise.all([read("localhost_cert.pem"), read("localhost_key.pem")]);
const MODULES = ["actors.ts", "sequence.ts"].map((file) =>
  new URL(`../fixtures/${file}`, import.meta.url).href
);

function start(options: HostOptions): Promise<Host> {
  return startHost({ pools: [], modules: MODULES, stopTimeoutMs: 200, ...options });
}

function portOf({ address }: Host): number {
  return Number(address!.split(":").at(-1));
}

Deno.test("TLS: a host that trusts the authority is linked, another is not", async () => {
  await using there = await start({ listen: { port: 0, cert, key } });
  const url = `wss://localhost:${portOf(there)}`;
  await assert.rejects(start({ join: [url] }), (error: Error) => {
    assert(error instanceof HostLostError);
    assert.match(error.message, /self-signed|certificate/);
    return true;
  });
  // Who does not speak TLS gets nowhere.
  await assert.rejects(start({ join: [`ws://localhost:${portOf(there)}`] }), HostLostError);
  await using here = await start({ join: [url], ca: cert });
  // Without a scheme it is the same.
  await using third = await start({ join: [`localhost:${portOf(there)}`], ca: cert });
  for (const host of [here, third]) {
    assert.equal(host.hosts()[0]!.id, there.id);
    const echo = await host.createActor(Echo, [], { place: onHost(there.id) });
    assert.equal(await echo.echo("over TLS"), "over TLS");
  }
});

Deno.test("TLS: calls of any size do not wait for delayed acknowledgements, either way", async () => {
  await using there = await start({ listen: { port: 0, cert, key } });
  await using here = await start({ join: [`localhost:${portOf(there)}`], ca: cert });
  const far = await here.createActor(Echo, [], { place: onHost(there.id) });
  const near = await there.createActor(Echo, [], { place: onHost(here.id) });
  for (const echo of [far, near]) {
    for (let i = 0; i < 50; i++) await echo.echo(i);
    for (const size of [100, 1_400, 20_000, 64_000]) {
      let fastest = Infinity;
      for (let i = 0; fastest >= 30 && i < 100; i++) {
        const started = performance.now();
        await echo.echo(new Uint8Array(size));
        fastest = Math.min(fastest, performance.now() - started);
      }
      assert.ok(fastest < 30, `${size} bytes take ${fastest} ms there and back`);
    }
  }
});

Deno.test("TLS: a gateway that wants certificates lets in who has one", async () => {
  const listen = { port: 0, cert, key, clientCertificates: true };
  await using there = await start({ listen, ca: cert });
  const join = [`localhost:${portOf(there)}`];
  await assert.rejects(start({ join, ca: cert }), HostLostError);
  await using here = await start({ join, ca: cert, listen: { port: 0, cert, key } });
  assert.equal(here.hosts()[0]!.id, there.id);
});

Deno.test("TLS: a link is resumed over it", async () => {
  await using there = await start({ listen: { port: 0, cert, key } });
  await using proxy = new TcpProxy(portOf(there));
  await using here = await start({ join: [proxy.url.replace("ws:", "wss:")], ca: cert });
  const ref = await here.createActor(Sequence, [], { place: onHost(there.id) });
  const calls = [];
  for (let n = 0; n < 1_000; n++) {
    calls.push(ref.take(n));
    if (n % 100 === 50) {
      proxy.cut();
      await calls.at(-1);
    }
  }
  await Promise.all(calls);
  assert.deepEqual(await ref.state(), { next: 1_000, faults: 0 });
});

Deno.test("TLS: what cannot be used is said at the start, and nothing is left behind", async () => {
  await assert.rejects(start({ listen: { port: 0, cert } }), /both listen.cert and listen.key/);
  await assert.rejects(start({ listen: { port: 0, clientCertificates: true } }), TypeError);
  await assert.rejects(start({ listen: { port: 0, cert: "no certificate", key } }), TypeError);
  await using there = await start({ listen: { port: 0, cert, key } });
  const listen = { port: portOf(there), cert, key };
  await assert.rejects(start({ listen }), Deno.errors.AddrInUse);
});

Deno.test("listen.advertise: others learn that address", async () => {
  await assert.rejects(start({ listen: { port: 0, advertise: "nowhere" } }), {
    name: "TypeError",
    message: /listen.advertise is host:port, got "nowhere"/,
  });
  await using there = await start({ listen: { port: 0, advertise: "gate.example:7300" } });
  await using here = await start({ join: [there.address!] });
  assert.equal(here.hosts()[0]!.address, "gate.example:7300");
});
