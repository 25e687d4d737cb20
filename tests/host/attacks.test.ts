// deno-lint-ignore-file no-console -- what is printed is looked at
/** What may not be said on a link: each is refused with its reason, told, counted, and the host serves on. */
import assert from "node:assert/strict";
import { encode } from "@msgpack/msgpack";
import { FRAME_KINDS, PROTOCOL_VERSION } from "../../src/core/protocol.ts";
import { RUNTIME_MODULE } from "../../src/actor/actor_type.ts";
import { CODE_REFUSED, CODE_UNREADABLE } from "../../src/link/resume_wire.ts";
import { newClientId } from "../../src/core/address.ts";
import { Stage } from "./gateway/client.ts";
import { rawFrame, Stranger } from "./stranger.ts";

const TOKEN = "correct-horse-battery-staple";
const CLIENT_TOKEN = "one-who-may-call";

/** A host that wants tokens. */
class Target implements AsyncDisposable {
  readonly stage: Stage;
  readonly #logged: string[] = [];
  readonly #error = console.error;

  static async start(): Promise<Target> {
    return new Target(await Stage.start({ token: TOKEN }, { clientToken: CLIENT_TOKEN }));
  }

  private constructor(stage: Stage) {
    this.stage = stage;
    console.error = (...parts) => void this.#logged.push(parts.map(String).join(" "));
  }

  get url(): string {
    return `ws://${this.stage.host.address}`;
  }

  get id(): number {
    return this.stage.host.id;
  }

  /** It has refused so much, for this reason the last time; and it serves on, and has told no secret. */
  async hasRefused(
    reason: "handshake" | "protocol" | "message",
    count: number,
    why: RegExp,
  ): Promise<void> {
    const { refusals } = this.stage;
    const of = refusals.filter((refusal) => refusal.reason === reason);
    assert.equal(of.length, count, JSON.stringify(refusals));
    assert.match(of.at(-1)!.message, why);
    const from = reason === "message" ? /^(host|client) [0-9a-f]{12}$/ : /^127\.0\.0\.1$/;
    assert.match(of.at(-1)!.from, from);
    const { text } = await this.stage.ask("GET", "/metrics");
    const counted = new RegExp(
      `^dramatis_gateway_refusals_total\\{reason="${reason}"\\} ${count}$`,
      "m",
    );
    assert.match(text, counted);
    const said = JSON.stringify([refusals, this.#logged]);
    for (const token of [TOKEN, CLIENT_TOKEN]) assert(!said.includes(token), said);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    console.error = this.#error;
    await this.stage[Symbol.asyncDispose]();
  }
}

Deno.test("attack: a handshake that was recorded opens nothing, nor does the proof of another token", async () => {
  await using target = await Target.start();
  const { stranger: first, proof } = await Stranger.begin(target.url, TOKEN, "host");
  await using _first = first;
  await using again = (await Stranger.knock(target.url, TOKEN, "host")).stranger;
  again.send(proof);
  assert.deepEqual(await again.ended, { code: CODE_REFUSED, reason: "the proof is wrong" });
  await target.hasRefused("handshake", 1, /the proof is wrong/);
});

Deno.test("attack: another version is named on both sides, in the challenge's answer and in the hello", async () => {
  await using target = await Target.start();
  const { stranger, proof } = await Stranger.begin(target.url, TOKEN, "host");
  await using hello = stranger;
  await using answer = (await Stranger.knock(target.url, TOKEN, "host")).stranger;
  const other = proof.slice();
  other[1] = 99;
  answer.send(other);
  assert.equal((await answer.ended).code, CODE_UNREADABLE);
  await target.hasRefused("handshake", 1, /version 99 of the protocol, this one version/);
  hello.hello({}, 99);
  const goodbye = await hello.frame();
  assert.equal(goodbye?.kind, "goodbye");
  assert.match(String(goodbye.body), new RegExp(`version 99 .* version ${PROTOCOL_VERSION}`));
  await hello.ended;
  await target.hasRefused("handshake", 2, /version 99/);
});

/** What a host that was let in says, and why it is cut off. */
const CUT_OFF: Record<string, [(self: number, target: number) => Uint8Array, RegExp]> = {
  "announces a frame of 1 GiB": [
    (from, to) => rawFrame({ kind: kindOf("call"), length: 2 ** 30, from, to }),
    /1073741824|bytes/,
  ],
  "says a frame that there is none of": [
    (from, to) => rawFrame({ kind: 200, from, to }),
    /kind 200/,
  ],
  "makes an actor in a pool, past the host": [
    (from, to) => rawFrame({ kind: kindOf("create"), from, to }),
    /may not send create frames/,
  ],
  "says a second hello": [
    (from, to) => rawFrame({ kind: kindOf("hello"), from, to }),
    /second handshake/,
  ],
  "reports a pool of the host as gone": [
    (from, to) => rawFrame({ kind: kindOf("down"), from, to, body: encode([to, 0, null]) }),
    /only report its own pools|ends with an error/,
  ],
};

for (const [what, [bytes, why]] of Object.entries(CUT_OFF)) {
  Deno.test(`attack: a host that ${what} is cut off`, async () => {
    await using target = await Target.start();
    await using host = await Stranger.enter(target.url, TOKEN, "host");
    host.bytes(bytes(host.id, target.id));
    await host.ended;
    await target.hasRefused("protocol", 1, why);
  });
}

/** How a client may not introduce itself. */
const POSES: Record<string, (client: Stranger, target: Target) => Parameters<Stranger["hello"]>> = {
  "says that it is a host": () => [{ id: 0x123456 }],
  "says that it is this host": (_, { id }) => [{ id }],
  "says that it listens": () => [{ address: "10.0.0.1:7300" }],
  "has pools": ({ id }) => [{ pools: [poolOf(id)] }],
  "has pools of the host": (_, { id }) => [{ pools: [poolOf(id)] }],
};

for (const [what, pose] of Object.entries(POSES)) {
  Deno.test(`attack: a client that ${what} is not let in`, async () => {
    await using target = await Target.start();
    const { stranger } = await Stranger.begin(target.url, CLIENT_TOKEN, "client");
    await using client = stranger;
    client.hello(...pose(client, target));
    const goodbye = await client.frame();
    assert.equal(goodbye?.kind, "goodbye");
    await client.ended;
    await target.hasRefused("handshake", 1, /a client has/);
    assert.deepEqual(target.stage.host.hosts(), []);
  });
}

Deno.test("attack: nobody takes the place of a client that is there", async () => {
  await using target = await Target.start();
  await using client = await Stranger.enter(target.url, CLIENT_TOKEN, "client");
  const { stranger } = await Stranger.begin(target.url, CLIENT_TOKEN, "client");
  await using other = stranger;
  other.hello({ id: client.id });
  assert.equal((await other.frame())?.kind, "goodbye");
  await other.ended;
  await target.hasRefused("handshake", 1, /this client is here/);
  client.bytes(call(client.id, target.id, ["dramatis:host", "has", ["x"]]));
  assert.equal((await client.frame())?.kind, "reply");
});

/** What a client may not say. */
const CLIENT_CUT_OFF: typeof CUT_OFF = {
  "speaks in another's name": [
    (_, to) => rawFrame({ kind: kindOf("tell"), from: newClientId(), to }),
    /another host's name/,
  ],
  "speaks in the host's name": [
    (_, to) => rawFrame({ kind: kindOf("tell"), from: to, to }),
    /another host's name/,
  ],
  "has pools to tell of": [
    (from, to) => rawFrame({ kind: kindOf("pools"), from, to, body: encode([[]]) }),
    /A client has no pools/,
  ],
  "says that a pool is gone": [
    (from, to) => rawFrame({ kind: kindOf("down"), from, to, body: encode([from, 0, null]) }),
    /A client has no pools/,
  ],
};

for (const [what, [bytes, why]] of Object.entries(CLIENT_CUT_OFF)) {
  Deno.test(`attack: a client that ${what} is cut off`, async () => {
    await using target = await Target.start();
    await using client = await Stranger.enter(target.url, CLIENT_TOKEN, "client");
    client.bytes(bytes(client.id, target.id));
    await client.ended;
    await target.hasRefused("protocol", 1, why);
  });
}

Deno.test("attack: nobody calls what is not a public method of a class", async () => {
  await using target = await Target.start();
  await target.stage.make("Odd", "o");
  const methods = [
    "constructor",
    "__proto__",
    "toString",
    "hasOwnProperty",
    "postCreate",
    "preDestroy",
    "context",
    "#hidden",
    "nobody",
    "",
  ];
  for (const [token, as] of [[TOKEN, "host"], [CLIENT_TOKEN, "client"]] as const) {
    await using stranger = await Stranger.enter(target.url, token, as);
    for (const method of methods) {
      stranger.bytes(call(stranger.id, target.id, ["o", method, []]));
      const answer = await stranger.frame();
      assert.equal(answer?.kind, "failure", method);
      assert.match(String(answer.body), /has no method|no public method|TypeError/, method);
    }
  }
  await target.hasRefused("message", 2 * methods.length, /A call of what is no method: ""/);
});

Deno.test("attack: a depth bomb ends the link that brings it alone", async () => {
  await using target = await Target.start();
  await using client = await Stranger.enter(target.url, CLIENT_TOKEN, "client");
  const bomb = new Uint8Array(100_000).fill(0x91);
  const body = new Uint8Array([0x93, ...encode("o"), ...encode("m"), ...bomb]);
  client.bytes(rawFrame({ kind: kindOf("call"), from: client.id, to: target.id, body }));
  // No frame can be so deep.
  assert.equal(await client.frame(), null);
  await target.hasRefused("protocol", 1, /too deep/);
  assert.equal((await target.stage.ask("GET", "/api/v1/hosts")).status, 200);
});

Deno.test("attack: only registered types are made, whatever module is named", async () => {
  await using target = await Target.start();
  const order = (name: string, module: string) => [
    "dramatis:host",
    "create",
    [{ name, module, export: name, version: "" }, "cpu", [], {}],
  ];
  for (const [token, as] of [[TOKEN, "host"], [CLIENT_TOKEN, "client"]] as const) {
    await using stranger = await Stranger.enter(target.url, token, as);
    const refused: [string, string][] = [
      ["Secret", "file:///etc/passwd"],
      ["Secret", "data:text/javascript,export class Secret {}"],
      ["../fixtures/actors", "../../fixtures/actors.ts"],
      ["HostActor", RUNTIME_MODULE],
      ["constructor", ""],
      ["__proto__", ""],
    ];
    for (const [name, module] of refused) {
      stranger.bytes(call(stranger.id, target.id, order(name, module)));
      const answer = await stranger.frame();
      assert.equal(answer?.kind, "failure", name);
      assert.match(String(answer.body), /has no actor type/, name);
    }
    // The name alone counts.
    stranger.bytes(call(stranger.id, target.id, order("Counter", "file:///etc/passwd")));
    assert.equal((await stranger.frame())?.kind, "reply");
  }
  await target.hasRefused("message", 12, /has no actor type __proto__/);
  assert.equal((await target.stage.ask("GET", "/api/v1/actors")).body["total"], 2);
});

Deno.test("attack: a client has no part in the directory", async () => {
  await using target = await Target.start();
  await using client = await Stranger.enter(target.url, CLIENT_TOKEN, "client");
  const tries = [["promise", ["n"]], ["held", [["n"]]], ["free", ["n"]], ["lost", ["n", 1]]];
  for (const [method, args] of tries) {
    client.bytes(call(client.id, target.id, ["dramatis:directory", method, args]));
    const answer = await client.frame();
    assert.equal(answer?.kind, "failure");
    assert.match(String(answer.body), /no part in the directory/);
  }
});

function kindOf(kind: (typeof FRAME_KINDS)[number]): number {
  return FRAME_KINDS.indexOf(kind);
}

function call(from: number, to: number, fields: unknown[]): Uint8Array {
  return rawFrame({ kind: kindOf("call"), from, to, body: encode(fields) });
}

function poolOf(host: number): never {
  const device = { kind: "cpu", name: "cpu", features: [], limits: {} };
  const pool = { host, pool: 1, name: "worker-1", kind: "worker", labels: [], device, actors: 0 };
  return pool as never;
}
