/** What must not come in: each is refused with its reason and counted, and the host serves on. */
import assert from "node:assert/strict";
import { startHost } from "@dramatis/dramatis";
import { Stranger } from "../stranger.ts";
import { path, Stage } from "./client.ts";

const TOKEN = "correct-horse-battery-staple";
const CLIENT_TOKEN = "one-who-may-call";
const READ_TOKEN = "one-who-may-look";
const ACTORS = "/api/v1/actors";
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function guarded(): Promise<Stage> {
  return Stage.start({ token: TOKEN }, { readToken: READ_TOKEN });
}

/** Every path that there is behind the token. */
const PATHS = [
  "/metrics",
  "/openapi.json",
  "/link",
  "/api/v1/hosts",
  "/api/v1/pools",
  ACTORS,
  "/x",
];

Deno.test("gateway: nothing but health without the token", async () => {
  await using stage = await guarded();
  for (const token of ["", "wrong", `${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase()]) {
    for (const path of PATHS) {
      const { status, headers, text } = await stage.ask("GET", path, { headers: bearer(token) });
      assert.equal(status, 401, path);
      assert.match(headers.get("www-authenticate")!, /^Bearer/);
      assert(!text.includes(TOKEN));
    }
  }
  for (const authorization of [`Basic ${TOKEN}`, TOKEN, `bearer  ${TOKEN}`]) {
    assert.equal((await stage.ask("GET", ACTORS, { headers: { authorization } })).status, 401);
  }
  for (const path of ["/healthz", "/readyz"]) {
    const { status, text } = await stage.ask("GET", path, { headers: bearer("") });
    assert.equal(status, 200);
    assert.doesNotMatch(text, /pool|host|[0-9a-f]{12}/);
  }
  const of = stage.refusals.filter(({ reason }) => reason === "token");
  assert.equal(of.length, 5 * PATHS.length + 3);
  assert.match(of[0]!.from, /^127\.0\.0\.1$/);
  assert.equal((await stage.ask("GET", ACTORS)).status, 200, "it serves on");
});

Deno.test("gateway: the token for reading lets its holder look and no more", async () => {
  await using stage = await guarded();
  await stage.make("Counter", "c");
  const headers = bearer(READ_TOKEN);
  for (const path of ["/metrics", "/openapi.json", "/api/v1/hosts", `${ACTORS}/c`]) {
    assert.equal((await stage.ask("GET", path, { headers })).status, 200, path);
  }
  const tries: [string, string][] = [
    ["POST", ACTORS],
    ["POST", path("c", "add")],
    ["POST", `${path("c", "add")}/tell`],
    ["DELETE", `${ACTORS}/c`],
    ["GET", "/link"],
    ["HEAD", "/link"],
  ];
  for (const [method, path] of tries) {
    assert.equal((await stage.ask(method, path, { headers })).status, 403, `${method} ${path}`);
  }
  await assert.rejects(
    startHost({ pools: [], token: READ_TOKEN, join: [stage.host.address!] }),
    { name: "LinkRefusedError", message: /403/ },
  );
  assert.equal(await stage.call("c", "get"), 0);
  const bad = [{ readToken: TOKEN }, { readToken: "" }];
  for (const listen of bad) {
    await assert.rejects(startHost({ pools: [], token: TOKEN, listen: { port: 0, ...listen } }), {
      name: "TypeError",
      message: /listen\.readToken/,
    });
  }
  await assert.rejects(startHost({ pools: [], listen: { port: 0, readToken: "x" } }), TypeError);
});

Deno.test("gateway: the token for clients lets its holder act, but its holder is no host", async () => {
  await using stage = await Stage.start({ token: TOKEN }, { clientToken: CLIENT_TOKEN });
  const headers = bearer(CLIENT_TOKEN);
  const made = await stage.ask("POST", ACTORS, { body: { type: "Counter", uid: "c" }, headers });
  assert.equal(made.status, 201);
  const added = await stage.ask("POST", path("c", "add"), { body: [2], headers });
  assert.deepEqual(added.body, { value: 2 });
  assert.equal((await stage.ask("GET", "/metrics", { headers })).status, 200);
  await assert.rejects(
    startHost({ pools: [], token: CLIENT_TOKEN, join: [stage.host.address!] }),
    { name: "LinkRefusedError", message: /a client has a client's id: it is no host/ },
  );
  assert.deepEqual(stage.host.hosts(), []);
  const bad = [{ clientToken: TOKEN }, { clientToken: "" }, { clientToken: "x", readToken: "x" }];
  for (const listen of bad) {
    await assert.rejects(startHost({ pools: [], token: TOKEN, listen: { port: 0, ...listen } }), {
      name: "TypeError",
      message: /listen\.(client|read)Token is a secret beside the host's own token/,
    });
  }
});

Deno.test("gateway: pages of a listed origin may link, as clients whatever they know, and do nothing else", async () => {
  const origin = "https://app.example.org";
  await using stage = await Stage.start({ token: TOKEN }, { allowOrigins: [origin] });
  const headers = { origin, "sec-fetch-site": "cross-site" };
  for (const path of [ACTORS, "/metrics", "/healthz"]) {
    assert.equal((await stage.ask("GET", path, { headers })).status, 403, path);
  }
  assert.equal((await stage.ask("GET", "/link", { headers })).status, 426);
  for (const other of ["https://app.example.org.evil", "http://app.example.org", "null"]) {
    assert.equal((await stage.ask("GET", "/link", { headers: { origin: other } })).status, 403);
  }
  const none = { ...headers, ...bearer("") };
  assert.equal((await stage.ask("GET", "/link", { headers: none })).status, 401, "by no token");
  const url = `ws://${stage.host.address}`;
  const { stranger } = await Stranger.begin(url, TOKEN, "host", { origin });
  await using page = stranger;
  page.hello();
  assert.equal((await page.frame())?.kind, "goodbye");
  assert.match((await page.ended).reason + stage.refusals.at(-1)!.message, /a client has/);
  for (const allowOrigins of [["app.example.org"], ["https://app.example.org/"], ["*"]]) {
    await assert.rejects(startHost({ pools: [], listen: { port: 0, allowOrigins } }), {
      name: "TypeError",
      message: /listen\.allowOrigins has origins such as/,
    });
  }
});

Deno.test("gateway: no web page, whatever it knows; and it is told nothing of other origins", async () => {
  await using stage = await Stage.start();
  const pages = [
    { origin: "https://example.org" },
    { origin: "null" },
    { origin: stage.url },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ];
  for (const headers of pages) {
    for (
      const [method, path] of [["GET", ACTORS], ["POST", ACTORS], ["GET", "/healthz"]] as const
    ) {
      const answer = await stage.ask(method, path, { headers });
      assert.equal(answer.status, 403, JSON.stringify(headers));
      assert.equal(answer.headers.get("access-control-allow-origin"), null);
    }
  }
  const preflight = await stage.ask("OPTIONS", ACTORS, { headers: { origin: "https://x.org" } });
  assert.equal(preflight.status, 403);
  assert.equal((await stage.ask("OPTIONS", ACTORS)).status, 405);
  assert.equal(stage.refusals.every(({ reason }) => reason === "origin"), true);
});

Deno.test("gateway: on loopback it goes by no other name (DNS rebinding)", async () => {
  await using stage = await Stage.start();
  const ask = (host: string) =>
    stage.raw(`GET ${ACTORS} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  const names = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example:80",
    "10.0.0.1",
    "",
  ];
  for (const name of names) assert.match(await ask(name), /^HTTP\/1\.1 421 /, name);
  for (const name of ["localhost", "LOCALHOST:1", "127.0.0.1", "127.1.2.3:99", "[::1]:7300"]) {
    assert.match(await ask(name), /^HTTP\/1\.1 200 /, name);
  }
  await using open = await Stage.start({ token: TOKEN }, { hostname: "0.0.0.0" });
  const { port } = new URL(open.url);
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
  assert.equal(answer.status, 200);
  await answer.body?.cancel();
});

Deno.test("gateway: what the runtime and every object have cannot be called", async () => {
  await using stage = await Stage.start();
  await stage.make("Counter", "c");
  await stage.make("Odd", "o");
  const inherited = ["constructor", "__proto__", "toString", "hasOwnProperty", "__defineGetter__"];
  const own = [
    "context",
    "postCreate",
    "preDestroy",
    "unlocked",
    "#hidden",
    "then",
    "nobody",
    "%00",
  ];
  for (const method of [...inherited, ...own]) {
    const { status, text } = await stage.ask("POST", path("o", method));
    assert.equal(status, 404, `${method}: ${text}`);
  }
  for (
    const uid of ["dramatis:host", "dramatis:pool/0", "__proto__", "constructor", "x".repeat(5000)]
  ) {
    for (const method of ["create", "pools", "inspect", "has"]) {
      assert.equal((await stage.ask("POST", path(uid, method))).status, 404, uid);
    }
    assert.equal((await stage.ask("DELETE", `${ACTORS}/${encodeURIComponent(uid)}`)).status, 404);
    const named = await stage.ask("POST", path("o", "ask"), { body: [{ $actor: uid }] });
    assert.equal(named.status, 404, "nor handed to an actor");
  }
  const made = await stage.ask("POST", ACTORS, { body: { type: "HostActor" } });
  assert.equal(made.status, 422);
  const { text } = await stage.ask("GET", "/metrics");
  const [, counted] = /^dramatis_gateway_refusals_total\{reason="message"\} (\d+)$/m.exec(text)!;
  // What follows a # is not sent; the type that is none counts too.
  assert.equal(Number(counted), inherited.length + own.length - 1 + 1);
  assert.match(stage.refusals.at(-1)!.message, /has no actor type HostActor/);
});

Deno.test("gateway: paths that go round about lead nowhere", async () => {
  await using stage = await guarded();
  const paths = [
    "/healthz/../api/v1/actors",
    "/healthz/%2e%2e/api/v1/actors",
    "/healthz%2f..%2fapi/v1/actors",
    "//api/v1/actors",
    "/API/v1/actors",
    "/api/v1/actors/",
    "/api//v1/actors",
    "/api/v1/%61ctors%00",
    "/api/v1/actors;x=1",
    "/%ff%fe",
    "http://127.0.0.1/api/v1/actors",
    "*",
  ];
  for (const path of paths) {
    const head = `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n`;
    const [, status] = /^HTTP\/1\.1 (\d+)/.exec(await stage.raw(`${head}\r\n`))!;
    assert(["400", "401"].includes(status!), `${path}: ${status} without the token`);
    const answer = await stage.raw(`${head}authorization: Bearer ${TOKEN}\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 (400|404|200) /, path);
    if (/^HTTP\/1\.1 200/.test(answer)) assert.match(path, /^http:/, path);
  }
});

Deno.test("gateway: a wrong method is 405 and says which there are", async () => {
  await using stage = await Stage.start();
  const tries: [string, string, string][] = [
    ["DELETE", ACTORS, "GET, POST"],
    ["PUT", `${ACTORS}/c`, "GET, DELETE"],
    ["GET", path("c", "get"), "POST"],
    ["POST", "/metrics", "GET"],
    ["POST", "/link", "GET"],
    ["PATCH", "/healthz", "GET"],
  ];
  for (const [method, path, allow] of tries) {
    const { status, headers } = await stage.ask(method, path);
    assert.equal(status, 405, path);
    assert.equal(headers.get("allow"), allow);
  }
  assert.equal((await stage.ask("GET", "/link")).status, 426);
  assert.equal((await stage.ask("GET", "/")).status, 404);
});

Deno.test("gateway: a body is as large, as deep and of the kind that it may be", async () => {
  await using stage = await Stage.start({}, { limits: { bodyBytes: 4096 } });
  await stage.make("Echo", "e");
  const json = { "content-type": "application/json" };
  const post = async (body: BodyInit, headers: Record<string, string> = json) => {
    const response = await fetch(stage.url + path("e", "echo"), { method: "POST", body, headers });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await post(`["${"x".repeat(4092)}"]`), 200);
  assert.equal(await post(`["${"x".repeat(4093)}"]`), 413);
  let isAnswered = false;
  const chunks = new ReadableStream<Uint8Array>({
    // In a turn of its own: the server is in this isolate too.
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (isAnswered) controller.close();
      else controller.enqueue(new Uint8Array(1000));
    },
  });
  assert.equal(await post(chunks), 413, "a body without end, of unknown length");
  isAnswered = true;
  assert.equal(await post("[".repeat(2000) + "]".repeat(2000)), 422, "deep");
  assert.equal(await post("[".repeat(4096)), 400);
  assert.equal(await post("[1", json), 400);
  assert.equal(await post(Uint8Array.of(0x5b, 0x22, 0xff, 0x22, 0x5d)), 400, "not UTF-8");
  assert.equal(await post('{"a":1}'), 400, "no list");
  assert.equal(await post("[1]", { "content-type": "text/plain" }), 415, "what a form can send");
  assert.equal(await post("[1]", { "content-type": "application/x-www-form-urlencoded" }), 415);
  assert.equal(await post('[{"__proto__":{"polluted":1}}]'), 200);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  const claimed = await stage.raw(
    `POST ${path("e", "echo")} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 999999999\r\n` +
      "content-type: application/json\r\nconnection: close\r\n\r\n[",
  );
  assert.match(claimed, /^HTTP\/1\.1 413 /, "before any of it is read");
  assert.deepEqual([...new Set(stage.refusals.map(({ reason }) => reason))], ["body"]);
});

Deno.test("gateway: those who are slow or silent hold up nobody, nor the host's end", async () => {
  await using stage = await Stage.start();
  await stage.make("Counter", "c");
  const text = new TextEncoder();
  const head = `POST ${path("c", "add")} HTTP/1.1\r\nhost: localhost\r\n`;
  const beginnings = [
    "",
    "P",
    head,
    `${head}content-length: 9\r\ncontent-type: application/json\r\n\r\n[`,
  ];
  const connections: Deno.TcpConn[] = [];
  for (let i = 0; i < 100; i++) {
    const connection = await stage.connect();
    connections.push(connection);
    const beginning = beginnings[i % beginnings.length]!;
    if (beginning !== "") await connection.write(text.encode(beginning));
  }
  assert.equal(await stage.call("c", "add", 1), 1);
  await stage.host.stop();
  for (const connection of connections) connection.close();
});

Deno.test("gateway: past its limit of requests it refuses, and then serves on", async () => {
  await using stage = await Stage.start({}, { limits: { requests: 2 } });
  await stage.make("Patient", "p");
  const streams = [await stage.send("POST", path("p", "pause"))];
  await stage.make("Gate", "g");
  const gate = await stage.host.actorRef<import("../../fixtures/actors.ts").Gate>("g");
  const call = stage.call("g", "pass", 1);
  await gate.entered();
  const refused = await stage.ask("GET", ACTORS);
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal((await stage.ask("GET", "/healthz")).status, 200, "health is always told");
  assert.deepEqual(stage.refusals.map(({ reason }) => reason), ["busy"]);
  await gate.open();
  assert.equal(await call, 1);
  assert.equal((await stage.ask("GET", ACTORS)).status, 200);
  for (const stream of streams) await stream.body!.cancel();
});

Deno.test("gateway: so many links, and so many a second", async () => {
  await using stage = await Stage.start({}, { limits: { links: 1 } });
  const join = [stage.host.address!];
  await using _first = await startHost({ pools: [], join });
  await assert.rejects(startHost({ pools: [], join }), {
    message: /503 .*: This host has 1 links already/,
  });
  const metrics = await stage.ask("GET", "/metrics");
  assert.match(metrics.text, /^dramatis_gateway_links 1$/m);
  assert.match(metrics.text, /^dramatis_gateway_refusals_total\{reason="busy"\} 1$/m);
});

Deno.test("startHost: limits that are none are refused by name", async () => {
  const bad: Record<string, number>[] = [{ bodyBytes: 0 }, { requests: 1.5 }, { request: 1 }];
  for (const limits of bad) {
    await assert.rejects(startHost({ pools: [], listen: { port: 0, limits } }), {
      name: "RangeError",
      message: new RegExp(`listen\\.limits.*got ${Object.keys(limits)[0]}: `),
    });
  }
});
