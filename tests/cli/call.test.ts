/** `deno task call` and `deno task status` as processes, against a host of the test's. */
import assert from "node:assert/strict";
import { type HostOptions, startHost } from "@dramatis/dramatis";
import { Child, type Ended } from "../fixtures/child.ts";
import { Counter } from "../fixtures/actors.ts";
import { Odd } from "../host/gateway/fixtures/actors.ts";

const CALL = new URL("../../src/cli/call.ts", import.meta.url);
const STATUS = new URL("../../src/cli/status.ts", import.meta.url);
const TOKEN = "correct-horse-battery-staple";
const LISTEN: HostOptions = { pools: [], token: TOKEN, listen: { port: 0, onRefusal() {} } };

async function run(script: URL, args: readonly string[], token?: string): Promise<Ended> {
  const env = token === undefined ? {} : { DRAMATIS_TOKEN: token };
  await using child = new Child(script, args, { env });
  return await child.ended();
}

Deno.test("call: prints the result, a stream line by line, of a tell nothing", async () => {
  await using host = await startHost(LISTEN);
  const counter = await host.createActor(Counter, [1], { uid: "c/1" });
  await host.createActor(Odd, [], { uid: "o" });
  const url = `ws://${host.address}`;
  const said = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(CALL, args, TOKEN);
    assert.deepEqual([code, stderr], [0, ""]);
    return stdout;
  };
  assert.equal(await said(url, "c/1", "add", "[41]"), "42\n");
  assert.equal(await said(`http://${host.address}/`, "c/1", "get", "--timeout-ms", "5000"), "42\n");
  assert.equal(await said(url, "c/1", "add", "[8]", "--tell"), "");
  assert.equal(await counter.get(), 50);
  assert.equal(await said(url, "o", "nothing"), "");
  const { code, stdout, stderr } = await run(CALL, [url, "o", "failing"], TOKEN);
  assert.deepEqual([code, stdout], [1, "1\n"]);
  assert.equal(stderr, "dramatis: no more\n");
});

Deno.test("call: says in a line what is wrong, and by its exit code whose fault it is", async () => {
  await using host = await startHost(LISTEN);
  const url = `ws://${host.address}`;
  const failed = async (code: number, message: RegExp, args: string[], token?: string) => {
    const ended = await run(CALL, args, token);
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, message);
    assert.match(ended.stderr, /^dramatis: [^\n]+\n$/);
    assert(!ended.stderr.includes(TOKEN));
  };
  await failed(1, /404: There is no actor "x"/, [url, "x", "get"], TOKEN);
  await failed(1, /401: This host wants its token/, [url, "x", "get"]);
  await failed(1, /400: timeoutMs/, [url, "x", "get", "--timeout-ms", "soon"], TOKEN);
  await failed(1, /Cannot reach http:\/\/127\.0\.0\.1:1: /, ["127.0.0.1:1", "x", "get"], TOKEN);
  await failed(2, /JSON list/, [url, "x", "get", "{}"], TOKEN);
  await failed(2, /takes URL UID METHOD/, [url, "x"], TOKEN);
  await failed(2, /Unknown option '--token'; see --help/, [url, "x", "get", "--token", "x"]);
  await failed(2, /no host's URL/, ["ftp://there", "x", "get"]);
  await failed(2, /use --token-file/, [`ws://a:${TOKEN}@${host.address}`, "x", "get"]);
  await failed(2, /DRAMATIS_TOKEN is not one word/, [url, "x", "get"], "two words");
});

Deno.test("status: shows hosts, pools and actors, without what a terminal would obey", async () => {
  await using host = await startHost({ ...LISTEN, listen: { port: 0, readToken: "look" } });
  const counter = await host.createActor(Counter, [], { uid: "c\x1b[31m\nx" });
  await counter.add(1);
  const { code, stdout, stderr } = await run(STATUS, [`ws://${host.address}`], "look");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(
    stdout,
    /^1 host, 1 pool, 1 actor\n\nHOST +ADDRESS +STATE +POOLS +ACTORS +CLIENTS\n/,
  );
  assert.match(stdout, /^[0-9a-f]{12} +127\.0\.0\.1:\d+ +live +1 +1 +0$/m);
  assert.match(stdout, /^HOST +POOL +DEVICE +LABELS +ACTORS/m);
  assert.match(stdout, /^[0-9a-f]{12} +main +cpu +1 /m);
  assert.match(stdout, /^c x +Counter +[0-9a-f]{12} +main +0 +1 +0 +0 /m);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(stdout, /\x1b/);
});

Deno.test("status: --watch shows it again until it is told to stop", async () => {
  await using host = await startHost({ pools: [], listen: { port: 0 } });
  await using child = new Child(STATUS, [`ws://${host.address}`, "--watch"]);
  await child.line(/1 host, 1 pool, 0 actors/);
  await host.createActor(Counter, [], { uid: "c" });
  await child.line(/1 host, 1 pool, 1 actor$/);
  child.kill("SIGINT");
  assert.equal((await child.ended()).code, 0);
});

Deno.test("call: over TLS by the authority that --ca names, and not without", async () => {
  // An authority made for these tests, and its certificate for localhost.
  const fixture = (name: string) =>
    new URL(`../host/gateway/fixtures/${name}.pem`, import.meta.url);
  const cert = await Deno.readTextFile(fixture("cert"));
  const key = await Deno.readTextFile(fixture("key"));
  await using host = await startHost({
    ...LISTEN,
    listen: { port: 0, hostname: "localhost", cert, key, onRefusal() {} },
  });
  await host.createActor(Counter, [1], { uid: "c" });
  const { port } = new URL(`http://${host.address}`);
  const args = [`wss://localhost:${port}`, "c", "add", "[1]"];
  const { code, stdout, stderr } = await run(
    CALL,
    [...args, "--ca", fixture("authority").pathname],
    TOKEN,
  );
  assert.deepEqual([code, stdout, stderr], [0, "2\n", ""]);
  const refused = await run(CALL, args, TOKEN);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^dramatis: Cannot reach https:\/\/localhost:\d+: .*UnknownIssuer/);
});

Deno.test("call, status: what each role's token is good for, over TLS with certificates on both sides", async () => {
  const fixture = (name: string) =>
    new URL(`../host/gateway/fixtures/${name}.pem`, import.meta.url);
  const [cert, key, ca] = await Promise.all(
    ["cert", "key", "authority"].map((name) => Deno.readTextFile(fixture(name))),
  );
  await using host = await startHost({
    ...LISTEN,
    ca: ca!,
    listen: {
      port: 0,
      hostname: "localhost",
      cert: cert!,
      key: key!,
      clientCertificates: true,
      clientToken: "call",
      readToken: "look",
      onRefusal() {},
    },
  });
  await host.createActor(Counter, [1], { uid: "c" });
  const url = `wss://localhost:${new URL(`http://${host.address}`).port}`;
  const trusts = ["--ca", fixture("authority").pathname];
  const shows = ["--cert", fixture("cert").pathname, "--key", fixture("key").pathname];
  const called = (token: string, flags: string[]) =>
    run(CALL, [url, "c", "add", "[1]", ...flags], token);
  const looked = (token: string) => run(STATUS, [url, ...trusts, ...shows], token);
  const { code, stdout, stderr } = await called("call", [...trusts, ...shows]);
  assert.deepEqual([code, stdout, stderr], [0, "2\n", ""]);
  assert.match((await looked("call")).stdout, /^1 host, 1 pool, 1 actor/);
  assert.match((await looked("look")).stdout, /^1 host, 1 pool, 1 actor/);
  const reader = await called("look", [...trusts, ...shows]);
  assert.deepEqual(
    [reader.code, reader.stderr],
    [1, "dramatis: 403: The token for reading does not do for this\n"],
  );
  const unknown = await called("call", trusts);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /^dramatis: Cannot reach https:/);
  const half = await called("call", [...trusts, ...shows.slice(0, 2)]);
  assert.deepEqual([half.code, half.stderr], [2, "dramatis: --cert and --key come together\n"]);
});
