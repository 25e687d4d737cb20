/** The client in a web page: the same modules, bundled, in Chromium. */
import assert from "node:assert/strict";
import { type GatewayRefusal, type Host, startHost } from "@dramatis/dramatis";
import { Counter } from "../fixtures/actors.ts";
import { Source } from "../fixtures/stream_actors.ts";
import { openOrSkip } from "./chromium.ts";

const ENTRY = new URL("../../src/client/browser.ts", import.meta.url);
const MODULES = ["actors.ts", "stream_actors.ts"].map((file) =>
  new URL(`../fixtures/${file}`, import.meta.url).href
);
/** Signs that no subprotocol's name may have. */
const CLIENT_TOKEN = "a,client=s/own+token~";

/** The client as one file, as a page would load it. */
async function bundle(): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/client.js`;
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--platform=browser", `--output=${path}`, ENTRY.href],
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    return await Deno.readTextFile(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The site: an empty page and the client. */
function serveSite(script: string): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const isScript = new URL(request.url).pathname === "/client.js";
    const type = isScript ? "text/javascript" : "text/html";
    return new Response(isScript ? script : "<!doctype html>", {
      headers: { "content-type": type },
    });
  });
}

const LINK = `(async ({ url, token }) => {
  const { connect, registeredType } = await import("/client.js");
  const client = globalThis.client = await connect(url, { token });
  const counter = globalThis.counter = await client.createActor(registeredType("Counter"), [5]);
  globalThis.lost = client.watch(counter);
  counter.add.tell(1);
  const sums = await counter.add.batch([[1], [1]]);
  const source = await client.actorRef("s");
  const items = [];
  for await (const item of await source.count(5)) items.push(item);
  const echo = await client.createActor(registeredType("Echo"), []);
  const sent = new Map([["bytes", new Uint8Array(100_000).fill(7)], ["big", 2n ** 70n]]);
  const back = await echo.echo(sent);
  return {
    sums,
    items,
    bytes: back.get("bytes").length,
    big: String(back.get("big")),
    error: await counter.fail("oh").catch(({ name, message }) => name + ": " + message),
  };
})`;

const AGAIN = `(async () => {
  await lost;
  await client.linked();
  const counter = await client.actorRef("c");
  return [await counter.add(1), await globalThis.counter.get().catch(({ name }) => name)];
})`;

const REFUSED = `(async ({ url, token }) => {
  const { connect } = await import("/client.js");
  return await connect(url, { token }).then(() => "in", ({ name }) => name);
})`;

Deno.test("browser: a page calls actors, reads a stream, and survives a restart of its host", async () => {
  await using browser = await openOrSkip("browser");
  if (browser === null) return;
  await using site = serveSite(await bundle());
  const { port } = site.addr;
  const refusals: GatewayRefusal[] = [];
  const start = (at: number): Promise<Host> =>
    startHost({
      pools: [],
      modules: MODULES,
      token: "a-host-s-own",
      listen: {
        port: at,
        clientToken: CLIENT_TOKEN,
        allowOrigins: [`http://127.0.0.1:${port}`],
        onRefusal: (refusal) => void refusals.push(refusal),
      },
    });
  const first = await start(0);
  await first.createActor(Source, [], { uid: "s" });
  const there = Number(first.address!.split(":").at(-1));
  const access = { url: `ws://127.0.0.1:${there}`, token: CLIENT_TOKEN };

  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  const linked = await page.evaluate(`${LINK}(${JSON.stringify(access)})`);
  assert.deepEqual(linked, {
    sums: [7, 8],
    items: [0, 1, 2, 3, 4],
    bytes: 100_000,
    big: String(2n ** 70n),
    error: "RangeError: oh",
  });
  assert.deepEqual(refusals, []);

  const wrong = { ...access, token: "wrong" };
  assert.equal(await page.evaluate(`${REFUSED}(${JSON.stringify(wrong)})`), "HostLostError");
  const elsewhere = await browser.newPage();
  await elsewhere.goto(`http://localhost:${port}/`);
  assert.equal(await elsewhere.evaluate(`${REFUSED}(${JSON.stringify(access)})`), "HostLostError");
  assert.deepEqual(refusals.map(({ reason }) => reason), ["token", "origin"]);
  assert(!JSON.stringify(refusals).includes(CLIENT_TOKEN));

  await first.stop();
  await using second = await start(there);
  await second.createActor(Counter, [41], { uid: "c" });
  assert.deepEqual(await page.evaluate(`${AGAIN}()`), [42, "HostLostError"]);
});
