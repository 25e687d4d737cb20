/** The API, from outside: what people with curl can do. */
import assert from "node:assert/strict";
import { connect, formatHostId, startHost, workerPool } from "@dramatis/dramatis";
import { Counter, type Gate } from "../../fixtures/actors.ts";
import { TcpProxy } from "../../hosts/tcp_proxy.ts";
import { MODULES, path, Stage } from "./client.ts";
import { type Patient, Visitor } from "./fixtures/actors.ts";

const ACTORS = "/api/v1/actors";
const problem = (kind: string) => `urn:dramatis:problem:${kind}`;

Deno.test("API: an actor is made, called, told, shown and destroyed", async () => {
  await using stage = await Stage.start({ pools: [workerPool({ count: 1 })] });
  const uid = "a/b c%2F..?#é";
  const made = await stage.ask("POST", ACTORS, {
    body: { type: "Counter", uid, args: [5], place: { policy: "onPool", pool: "worker-1" } },
  });
  assert.equal(made.status, 201);
  const host = formatHostId(stage.host.id);
  assert.deepEqual(made.body, { uid, host, pool: 1 });
  const location = made.headers.get("location")!;
  assert.equal(await stage.call(uid, "add", 2), 7);
  const told = await stage.ask("POST", `${path(uid, "add")}/tell`, { body: [3] });
  assert.deepEqual([told.status, told.text], [202, ""]);
  assert.equal(await stage.call(uid, "get"), 10, "in order");
  const { status, body } = await stage.ask("GET", location);
  assert.equal(status, 200);
  const [part] = body["parts"] as Record<string, Record<string, unknown>>[];
  assert.equal(part!["type"], "Counter");
  assert.equal(part!["counters"]!["calls"], 3);
  assert.equal((await stage.ask("DELETE", location)).status, 204);
  assert.equal((await stage.ask("GET", location)).status, 404);
  assert(!await stage.host.hasActor(uid));
});

Deno.test("API: an actor without a uid gets one, and a program's own actors are there too", async () => {
  await using stage = await Stage.start();
  const { body } = await stage.ask("POST", ACTORS, { body: { type: "Counter" } });
  assert.equal(await stage.call(body["uid"] as string, "add", 1), 1);
  const counter = await stage.host.createActor(Counter, [41], { uid: "own" });
  assert.equal(await stage.call("own", "add", 1), 42);
  assert.equal(await counter.get(), 42);
});

Deno.test("API: values that JSON has not go in and out, refs too", async () => {
  await using stage = await Stage.start();
  await stage.make("Echo", "e");
  await stage.make("Echo", "f");
  const value = [{ $bigint: "7" }, { $map: [[1, { $set: [2] }]] }, { $Float32Array: [1, "NaN"] }];
  assert.deepEqual(await stage.call("e", "echo", value), value);
  const host = formatHostId(stage.host.id);
  assert.deepEqual(await stage.call("e", "echo", { $actor: "f" }), { $actor: { uid: "f", host } });
  assert.equal(await stage.call("e", "via", { $actor: { uid: "f", host } }, 5), 5);
  await stage.make("Odd", "o");
  assert.equal((await stage.ask("POST", path("o", "nothing"))).text, "{}\n");
  const made = await stage.ask("POST", ACTORS, {
    body: { type: "Hooked", args: [{ $actor: "nobody" }] },
  });
  assert.equal(made.status, 404, "an argument that is not there");
});

Deno.test("API: lists say what there is", async () => {
  await using stage = await Stage.start({ pools: [workerPool({ count: 1, labels: ["io"] })] });
  for (const uid of ["c3", "c1", "c2"]) await stage.make("Counter", uid);
  await stage.make("Echo", "e");
  const list = async (query: string) => {
    const { body } = await stage.ask("GET", `${ACTORS}?${query}`);
    const actors = body["actors"] as { uid: string }[];
    return [body["total"], ...actors.map(({ uid }) => uid)];
  };
  assert.deepEqual(await list(""), [4, "c1", "c2", "c3", "e"]);
  assert.deepEqual(await list("type=Counter&offset=1&limit=1"), [3, "c2"]);
  assert.deepEqual(await list("pool=0"), [0]);
  assert.deepEqual(await list("host=00000000000f"), [0]);
  const { body: { pools } } = await stage.ask("GET", "/api/v1/pools");
  const [main, worker] = pools as Record<string, unknown>[];
  assert.deepEqual([main!["name"], main!["actors"], main!["responding"]], ["main", 0, true]);
  assert.deepEqual([worker!["name"], worker!["actors"], worker!["labels"]], ["worker-1", 4, [
    "io",
  ]]);
  const { body: { devices } } = await stage.ask("GET", "/api/v1/devices");
  assert.deepEqual((devices as { kind: string }[]).map(({ kind }) => kind), ["cpu", "cpu"]);
  const { body: { types } } = await stage.ask("GET", "/api/v1/types");
  const odd = (types as { type: string }[]).find(({ type }) => type === "Odd");
  assert.deepEqual(odd, { type: "Odd", version: "", home: "cpu" });
});

Deno.test("API: actors of another host are shown, made, called and destroyed there", async () => {
  await using other = await startHost({ pools: [], modules: MODULES });
  await using stage = await Stage.start();
  await other.join(stage.host.address!);
  const host = formatHostId(other.id);
  const place = [{ policy: "anyHost" }, { policy: "onHost", host }];
  const order = { type: "Counter", uid: "far", args: [1], place };
  const made = await stage.ask("POST", ACTORS, { body: order });
  assert.deepEqual(made.body, { uid: "far", host, pool: 0 }, made.text);
  const location = made.headers.get("location")!;
  assert.equal(location, `${ACTORS}/far?host=${host}`);
  assert(await other.hasActor("far"));
  const called = await stage.ask("POST", `${path("far", "add")}?host=${host}`, { body: [1] });
  assert.equal(called.body["value"], 2);
  assert.equal((await stage.ask("POST", path("far", "add"), { body: [1] })).status, 404);
  assert.equal((await stage.ask("GET", location)).body["host"], host);
  const { body: { hosts } } = await stage.ask("GET", "/api/v1/hosts");
  assert.deepEqual((hosts as { isThis: boolean }[]).map(({ isThis }) => isThis), [true, false]);
  assert.equal((await stage.ask("DELETE", location)).status, 204);
  assert(!await other.hasActor("far"));
  const gone = await stage.ask("GET", `${ACTORS}/x?host=00000000000f`);
  assert.equal(gone.status, 502, gone.text);
});

Deno.test("API: one with replicas is one actor with parts", async () => {
  await using stage = await Stage.start({ pools: [workerPool({ count: 2 })] });
  const body = { type: "Echo", uid: "r", replicas: "everyPool", concurrency: 4 };
  assert.equal((await stage.ask("POST", ACTORS, { body })).status, 201);
  assert.deepEqual(await stage.call("r", "echo", [1]), [1]);
  const seen = await stage.ask("GET", `${ACTORS}/r`);
  assert.equal((seen.body["parts"] as unknown[]).length, 2);
  assert.equal((seen.body["replicas"] as unknown[]).length, 2);
});

const REFUSED: readonly (readonly [string, unknown, number, string, RegExp])[] = [
  ["a type that is not registered", { type: "Nobody" }, 422, "start", /no actor type Nobody/],
  ["another version", { type: "Counter", version: "2" }, 422, "start", /has Counter in version ""/],
  ["a uid that is taken", { type: "Counter", uid: "taken" }, 409, "exists", /taken/],
  ["a uid of the runtime", { type: "Counter", uid: "dramatis:x" }, 422, "value", /runtime/],
  [
    "a bad mailbox",
    { type: "Counter", mailbox: { messages: 0 } },
    422,
    "value",
    /mailbox.messages/,
  ],
  [
    "a constructor that fails",
    { type: "Hooked", args: [null, "construct"] },
    500,
    "start",
    /construct fails/,
  ],
  [
    "a pool that is not there",
    { type: "Counter", place: { policy: "onPool", pool: 9 } },
    422,
    "placement",
    /9/,
  ],
  [
    "a policy that is none",
    { type: "Counter", place: "here" },
    400,
    "bad-request",
    /place is a policy/,
  ],
  ["what is no option", { type: "Counter", group: [] }, 400, "bad-request", /"group"/],
  [
    "arguments that are no list",
    { type: "Counter", args: {} },
    400,
    "bad-request",
    /args is the list/,
  ],
  [
    "a tag that is not known",
    { type: "Counter", args: [{ $x: 1 }] },
    422,
    "value",
    /args\[0\]\.\$x/,
  ],
  ["no object", [], 400, "bad-request", /is an object/],
];

Deno.test("API: an order that cannot be carried out is refused, and why", async (t) => {
  await using stage = await Stage.start();
  await stage.make("Counter", "taken");
  for (const [name, order, status, kind, detail] of REFUSED) {
    await t.step(name, async () => {
      const { headers, body, ...answer } = await stage.ask("POST", ACTORS, { body: order });
      assert.equal(answer.status, status, answer.text);
      assert.equal(headers.get("content-type"), "application/problem+json");
      assert.equal(body["type"], problem(kind));
      assert.equal(body["status"], status);
      assert.match(body["detail"] as string, detail);
      assert.doesNotMatch(answer.text, /\.ts:\d|"stack"/, "no stack");
    });
  }
  const { body } = await stage.ask("GET", ACTORS);
  assert.equal(body["total"], 1, "nothing is left behind");
});

Deno.test("API: an actor's error says where, and never its stack", async () => {
  await using stage = await Stage.start();
  await stage.make("Counter", "c");
  await stage.make("Odd", "o");
  const failed = await stage.ask("POST", path("c", "fail"), { body: ["boo"] });
  assert.equal(failed.status, 500);
  assert.equal(failed.body["type"], problem("actor"));
  assert.match(failed.body["actor"] as string, /^Counter c in pool 0/);
  assert.deepEqual(failed.body["error"], { name: "RangeError", message: "boo" });
  const odd = await stage.ask("POST", path("o", "fail"));
  assert.doesNotMatch(odd.text, /\.ts:\d|stack|secret/);
  await stage.make("Odd", "gone");
  const ref = { $actor: "gone" };
  await stage.host.killActor("gone");
  assert.equal((await stage.ask("POST", path("o", "ask"), { body: [ref] })).status, 404);
  const cycle = await stage.ask("POST", path("o", "cycle"));
  assert.equal(cycle.status, 422);
  assert.match(cycle.body["detail"] as string, /value\.inner\[0\]/);
});

Deno.test("API: a call that takes too long is 504, a full mailbox 429", async () => {
  await using stage = await Stage.start();
  const order = { type: "Gate", uid: "g", mailbox: { messages: 1 } };
  assert.equal((await stage.ask("POST", ACTORS, { body: order })).status, 201);
  const gate = await stage.host.actorRef<Gate>("g");
  const passing = gate.pass(0);
  await gate.entered();
  const late = await stage.ask("POST", `${path("g", "pass")}?timeoutMs=20`, { body: [1] });
  assert.equal(late.status, 504);
  assert.equal(late.body["type"], problem("timeout"));
  assert.equal((await stage.ask("POST", `${path("g", "pass")}/tell`, { body: [2] })).status, 202);
  const full = await stage.ask("POST", path("g", "pass"), { body: [3] });
  assert.equal(full.status, 429, full.text);
  await stage.call("g", "open");
  assert.equal(await passing, 0);
  for (const query of ["timeoutMs=0", "timeoutMs=x", "window=0", "priority=1.5", "host=me"]) {
    const bad = await stage.ask("POST", `${path("g", "pass")}?${query}`, { body: [] });
    assert.equal(bad.status, 400, query);
  }
});

Deno.test("API: a stream comes as JSON lines, or as events if they are asked for", async () => {
  await using stage = await Stage.start();
  await stage.make("Odd", "o");
  const lines = await stage.ask("POST", path("o", "failing"));
  assert.equal(lines.headers.get("content-type"), "application/jsonl");
  const [first, second, ...more] = lines.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual([first, more], [{ value: 1 }, []]);
  assert.equal(second.error.detail, "no more");
  const events = await stage.ask("POST", path("o", "spoilt"), {
    headers: { accept: "text/event-stream" },
  });
  assert.equal(events.headers.get("content-type"), "text/event-stream");
  assert.match(events.text, /^data: 1\n\nevent: error\ndata: \{.*item\.inner\[0\].*\}\n\n$/);
});

Deno.test("API: a client that goes away cancels its call", async () => {
  await using stage = await Stage.start({ pools: [workerPool({ count: 1 })] });
  await stage.make("Patient", "p");
  const patient = await stage.host.actorRef<Patient>("p");
  const gone = new AbortController();
  const call = stage.send("POST", path("p", "wait"), {}, gone.signal);
  await patient.waits();
  gone.abort();
  await assert.rejects(call, { name: "AbortError" });
  assert.equal(await patient.gone(), "call");
});

for (const method of ["count", "pause"] as const) {
  for (const accept of ["application/jsonl", "text/event-stream"]) {
    Deno.test(`API: a client that leaves a stream (${method}, ${accept}) ends it`, async () => {
      await using stage = await Stage.start();
      await stage.make("Patient", "p");
      const response = await stage.send("POST", path("p", method), { headers: { accept } });
      const reader = response.body!.getReader();
      assert.match(new TextDecoder().decode((await reader.read()).value), /\d/);
      await reader.cancel();
      const patient = await stage.host.actorRef<Patient>("p");
      assert.equal(await patient.gone(), method === "count" ? "stream" : "pause");
    });
  }
}

Deno.test("API: how far each host is, and its clients; one that nothing gets to holds up nobody", async () => {
  const listen = { port: 0 };
  await using other = await startHost({ pools: [], listen, heartbeatMs: 100, graceMs: 600_000 });
  await using proxy = new TcpProxy(Number(other.address!.split(":").at(-1)));
  const join = [proxy.url];
  await using stage = await Stage.start({ join, heartbeatMs: 100, graceMs: 600_000 });
  await using _client = await connect(other.address!);
  const seen = async () => {
    const { body } = await stage.ask("GET", "/api/v1/hosts");
    return (body["hosts"] as { state: string; clients: number | null }[])
      .map(({ state, clients }) => [state, clients]);
  };
  assert.deepEqual(await seen(), [["live", 0], ["live", 1]]);
  const lost = Promise.withResolvers<void>();
  const back = Promise.withResolvers<void>();
  using _watch = stage.host.watchHosts(({ kind }) => {
    (kind === "unreachable" ? lost : back).resolve();
  });
  proxy.fence();
  await lost.promise;
  assert.deepEqual(await seen(), [["live", 0], ["unreachable", null]]);
  const { body: { pools } } = await stage.ask("GET", "/api/v1/pools");
  assert.deepEqual((pools as { responding: boolean }[]).map((one) => one.responding), [
    true,
    false,
  ]);
  proxy.lift();
  await back.promise;
  const entered = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  await using door = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async () => {
    entered.resolve();
    await released.promise;
    return new Response("the answer");
  });
  const visitor = await other.createActor(Visitor, []);
  const answer = visitor.ask(`http://127.0.0.1:${door.addr.port}/`);
  await entered.promise;
  const drained = other.drain();
  assert.deepEqual(await seen(), [["live", 0], ["draining", 1]]);
  released.resolve();
  assert.equal(await answer, "the answer");
  await drained;
});

Deno.test("gateway: ready once all has started, and not while it stops", async () => {
  await using stage = await Stage.start();
  assert.deepEqual((await stage.ask("GET", "/readyz")).body, { ready: true, state: "live" });
  const entered = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  await using door = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async () => {
    entered.resolve();
    await released.promise;
    return new Response("the answer");
  });
  await stage.host.createActor(Visitor, [], { uid: "v" });
  const answer = stage.call("v", "ask", `http://127.0.0.1:${door.addr.port}/`);
  await entered.promise;
  const stopped = stage.host.stop();
  const { status, body } = await stage.ask("GET", "/readyz");
  assert.deepEqual([status, body], [503, { ready: false, state: "stopping" }]);
  assert.equal((await stage.ask("POST", ACTORS, { body: { type: "Counter" } })).status, 503);
  released.resolve();
  assert.equal(await answer, "the answer", "what runs is answered");
  await stopped;
});
