import assert from "node:assert/strict";
import { firstWrong, Keeper, pattern } from "../fixtures/buffer_actors.ts";
import { testEverywhere } from "../integration/placements.ts";
import { Trickle } from "./trickle.ts";

const MIB = 2 ** 20;

testEverywhere("copyTo: files to files, each copy at the end", async (stage) => {
  const { host } = stage;
  await using folder = await temporaryFolder();
  const [from, to] = [`${folder.path}/from`, `${folder.path}/to`];
  const size = 3 * MIB + 17;
  await Deno.writeFile(from, pattern(size));
  const keeper = await stage.create(Keeper, []);
  const ref = await keeper.file(to);
  assert.equal(ref.byteLength, Infinity);
  const open = async () => (await Deno.open(from)).readable;
  await host.copyTo(await open(), ref);
  assert.equal(firstWrong(await Deno.readFile(to), size, 0), -1);
  const shared = new Uint8Array(new SharedArrayBuffer(100));
  shared.set(pattern(100));
  await host.copyTo([await open(), pattern(5), shared], [ref, ref, ref]);
  const bytes = await Deno.readFile(to);
  assert.equal(bytes.length, 2 * size + 105);
  assert.equal(firstWrong(bytes.subarray(size, 2 * size), size, 0), -1);
  assert.equal(firstWrong(bytes.subarray(2 * size, 2 * size + 5), 5, 0), -1);
  assert.equal(firstWrong(bytes.subarray(2 * size + 5), 100, 0), -1);
  await assert.rejects(host.copyTo(pattern(1), ref, { offset: 1 }), /no offsets/);
  await keeper.dispose();
  await assert.rejects(host.copyTo(pattern(1), ref), { name: "BufferNotFoundError" });
  await keeper.close();
});

testEverywhere("copyTo: a file into memory, and one that is too long for it", async (stage) => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/from`;
  await Deno.writeFile(path, pattern(2 * MIB + 1));
  const keeper = await stage.create(Keeper, []);
  const ref = await keeper.keep(2 * MIB + 1);
  await stage.host.copyTo((await Deno.open(path)).readable, ref);
  assert.equal(await keeper.firstWrong(2 * MIB + 1), -1);
  const small = await keeper.keep(2 * MIB);
  const file = await Deno.open(path);
  await assert.rejects(stage.host.copyTo(file.readable, small), {
    name: "RangeError",
    message: /Cannot copy 1 bytes to 2097152 of buffer \w+ in pool .*, which has 2097152 bytes/,
  });
  // It was closed with the copy.
  await assert.rejects(file.stat(), Deno.errors.BadResource);
});

testEverywhere("copyTo: a file that is closed rejects with the cause", async (stage) => {
  await using folder = await temporaryFolder();
  const keeper = await stage.create(Keeper, []);
  const ref = await keeper.file(`${folder.path}/to`);
  await keeper.close();
  await assert.rejects(stage.host.copyTo(pattern(4), ref), (error: Error) => {
    return error.name === "ActorFailedError" && (error.cause as Error).name === "BadResource";
  });
});

testEverywhere("copyTo: a source that fails rejects with its own error", async (stage) => {
  const keeper = await stage.create(Keeper, []);
  const ref = await keeper.keep(64 * MIB);
  const fault = new Error("the disk is gone");
  const source = new Trickle(12, () => Promise.reject(fault));
  await assert.rejects(stage.host.copyTo(source.stream, ref), (error) => error === fault);
  const text = ReadableStream.from(["no bytes"]) as unknown as ReadableStream<Uint8Array>;
  await assert.rejects(stage.host.copyTo(text, ref), { message: /no Uint8Array but a string/ });
  const locked = new Trickle(1, () => {});
  locked.stream.getReader();
  await assert.rejects(stage.host.copyTo(locked.stream, ref), { message: /somebody else reads/ });
});

testEverywhere(
  "copyTo: a file that does not take its bytes holds its source back",
  async (stage) => {
    const keeper = await stage.create(Keeper, []);
    const ref = await keeper.stalled(MIB);
    const source = new Trickle(NaN, () => {}, 40);
    const copy = stage.host.copyTo(source.stream, ref);
    await keeper.written();
    const before = [];
    for (let i = 0; i < 20; i++) before.push(await keeper.ping());
    // One is being written, four wait or are on their way, and one is being made.
    assert.ok(source.pulls <= 8, `${source.pulls} MiB were read`);
    await keeper.release();
    await copy;
    assert.equal(source.pulls, 41);
    assert.equal((await keeper.pieces()).length, 40);
  },
);

testEverywhere(
  "copyTo: copies to one file do not mix, and one given up leaves its turn",
  async (stage) => {
    const { host } = stage;
    const keeper = await stage.create(Keeper, []);
    const ref = await keeper.stalled(MIB - 1);
    const controller = new AbortController();
    const of = (byte: number, length: number) => new Uint8Array(length).fill(byte);
    const first = host.copyTo(of(1, 5 * MIB), ref);
    await keeper.written();
    const second = host.copyTo(of(2, 3 * MIB), ref, { signal: controller.signal });
    const third = host.copyTo(of(3, 9), ref);
    const refused = assert.rejects(second, { name: "AbortError" });
    controller.abort();
    await refused;
    await keeper.release();
    await Promise.all([first, third]);
    assert.deepEqual(await keeper.pieces(), [
      ...Array.from({ length: 5 }, () => [[1, MIB - 1], [1, 1]]).flat(),
      [3, 9],
    ]);
  },
);

testEverywhere(
  "copyTo: a file that fails rejects this copy and those after it",
  async (stage) => {
    const keeper = await stage.create(Keeper, []);
    const ref = await keeper.stalled(MIB);
    const first = assert.rejects(stage.host.copyTo(pattern(2 * MIB), ref), {
      name: "TypeError",
      message: "disk full",
    });
    await keeper.written();
    await keeper.release("disk full");
    await first;
    await assert.rejects(stage.host.copyTo(pattern(1), ref), { message: "disk full" });
  },
);

testEverywhere("copyTo: a file that takes nothing rejects", async (stage) => {
  const keeper = await stage.create(Keeper, []);
  const ref = await keeper.stalled(0);
  await keeper.release();
  await assert.rejects(stage.host.copyTo(pattern(3), ref), { message: /took 0 of 3 bytes/ });
});

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
