/** The stores: the contract, and what only one of them can do. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { memoryStore, natsStore, sqliteStore } from "@dramatis/dramatis";
import { decodeRecord, encodeRecord } from "../../src/state/record.ts";
import { HAS_NATS, NatsServer, NEEDS_NATS } from "../host/directory/nats_server.ts";
import { refused, testStore } from "./store_contract.ts";

testStore({
  name: "memoryStore",
  open: () =>
    Promise.resolve({
      isDurable: false,
      open: () => memoryStore().open(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
});

testStore({
  name: "sqliteStore",
  async open() {
    const folder = await Deno.makeTempDir({ prefix: "dramatis-state-" });
    const spec = sqliteStore({ path: `${folder}/state.db`, survives: "process" });
    return {
      isDurable: true,
      open: () => spec.open(),
      [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
    };
  },
});

testStore({
  name: `natsStore${NEEDS_NATS}`,
  ignore: !HAS_NATS,
  async open() {
    const server = await NatsServer.start();
    return {
      isDurable: true,
      open: () => natsStore({ servers: server.url }).open(),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
});

async function withFile(body: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dramatis-state-" });
  try {
    await body(`${folder}/state.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("sqliteStore: a file has one host at a time, and is free after it", () =>
  withFile(async (path) => {
    const spec = sqliteStore({ path });
    {
      await using _store = await spec.open();
      await refused(spec.open(), "store");
    }
    await using again = await spec.open();
    await (await again.claim("a")).put(Uint8Array.of(1));
  }));

Deno.test("sqliteStore: a file that is none, or of another version, is refused by name", () =>
  withFile(async (path) => {
    await Deno.writeTextFile(
      path,
      "not a database, but long enough to be taken for one".repeat(20),
    );
    await refused(sqliteStore({ path }).open(), "store");
    await Deno.remove(path);
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 7");
    database.close();
    const error = await sqliteStore({ path }).open().catch((error) => error);
    assert.match(error.message, /state\.db.*version 7, expected 1/);
  }));

Deno.test("sqliteStore: once its file is gone, or another's, nothing is said to be saved", () =>
  withFile(async (path) => {
    await using store = await sqliteStore({ path }).open();
    const slot = await store.claim("a");
    await slot.put(Uint8Array.of(1));
    await Deno.rename(path, `${path}.old`);
    await refused(slot.put(Uint8Array.of(2)), "store");
    await Deno.writeTextFile(path, "another file");
    await refused(slot.put(Uint8Array.of(3)), "store");
    await Deno.rename(`${path}.old`, path);
    await slot.put(Uint8Array.of(4));
  }));

Deno.test("sqliteStore: what a process that is killed had put is there, all or not at all", () =>
  withFile(async (path) => {
    const script = new URL("../fixtures/state_writer.ts", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--allow-all", script, path],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    let last = 0;
    let text = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      last = Number(text.trimEnd().split("\n").at(-1));
      if (last >= 20) break;
    }
    child.kill("SIGKILL");
    await child.status;
    await using store = await sqliteStore({ path }).open();
    const slots = await Promise.all(["a", "b"].map((key) => store.claim(key)));
    for (const { bytes } of slots) {
      assert(bytes !== null && bytes.length === 10_000);
      assert(bytes.every((byte) => byte === bytes[0]), "of one write");
      assert(bytes[0]! >= last, `${bytes[0]} was acknowledged as ${last}`);
    }
  }));

Deno.test({
  name: `natsStore: more than the server takes is refused by size${NEEDS_NATS}`,
  ignore: !HAS_NATS,
  async fn() {
    await using server = await NatsServer.start();
    await using store = await natsStore({ servers: server.url }).open();
    const slot = await store.claim("a");
    await slot.put(new Uint8Array(1_000_000));
    await refused(slot.put(new Uint8Array(1_100_000)), "size");
    await slot.put(Uint8Array.of(1));
  },
});

Deno.test("natsStore: a server that is not there is refused, options are checked", async () => {
  await refused(natsStore({ servers: "nats://127.0.0.1:1", timeoutMs: 300 }).open(), "store");
  assert.throws(() => natsStore({ servers: [] }), /servers is empty/);
  assert.throws(() => natsStore({ servers: "http://x" }), /nats:\/\/host:4222/);
  assert.throws(() => sqliteStore({ path: "" }), /path is the name of a file/);
});

Deno.test("records: a torn or changed one is refused, whole ones come back", () => {
  const record = { type: "Counter", version: "2", savedAt: 5, state: Uint8Array.of(1, 2, 3) };
  const bytes = encodeRecord(record);
  assert.deepEqual(decodeRecord(bytes, "c1"), record);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodeRecord(bytes.subarray(0, length), "c1"), /snapshot of c1 is damaged/);
  }
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at]! ^= 1;
    assert.throws(() => decodeRecord(changed, "c1"), { reason: "damaged" });
  }
});
