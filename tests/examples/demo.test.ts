/** The demo as users run it: in a process of its own, which leaves nothing behind. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { decode, encode } from "fast-png";
import { Child, type ChildOptions, type Ended, WITHOUT_GPU } from "../fixtures/child.ts";

const DEMO = new URL("../../examples/demo.ts", import.meta.url);
const SMALL = ["--width", "300", "--height", "200"];
const CORES = navigator.hardwareConcurrency;

/** Runs in a folder of its own and says what is in there at the end. */
async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}

/** `ended()` waits for every process that has inherited standard error, so for the second host too. */
async function run(args: readonly string[], options?: ChildOptions): Promise<Ended> {
  await using child = new Child(DEMO, args, options);
  return await child.ended();
}

function assertFine({ code, stdout, stderr }: Ended): void {
  assert.equal(stderr, "");
  assert.equal(code, 0);
  // deno-lint-ignore no-control-regex -- not a terminal: neither colours nor redrawn lines
  assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f]/);
}

/** The pools of the table at the end, with their tiles. */
function tableOf(stdout: string): { host: string; pool: string; tiles: number }[] {
  const rows = stdout.matchAll(/^(this|second) host \w{12} +(\S+) .* (\d+) +[\d.]+ % +[-\d.]+$/gm);
  return [...rows].map(([, host, pool, tiles]) => ({
    host: host!,
    pool: pool!,
    tiles: Number(tiles),
  }));
}

Deno.test("demo: renders a picture on every device of two hosts", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "picture.png");
    // Its own size takes long in software; those below begin it.
    const args = ["--width", "640", "--height", "360", "--out", path];
    const ended = await run(args, { env: { TMPDIR: folder } });
    assertFine(ended);
    const { stdout } = ended;
    const picture = decode(await Deno.readFile(path), { checkCrc: true });
    assert.equal(`${picture.width}x${picture.height}`, "640x360");
    assert.deepEqual(namesIn(folder), ["picture.png"], "nothing else, such as a token");
    assert.match(stdout, /^Rendering 640x360 in 15 tiles$/m);
    assert.match(stdout, /^100 % {2}15\/15/m);
    assert(stdout.includes(`${path} (`), "says where the picture is");

    const named = [...stdout.matchAll(/^ {2}(this|second) host \w{12} {2}(\S+) {2}(\w+): /gm)];
    const pools = named.map(([, host, pool]) => `${host} ${pool}`);
    assert(pools.includes("this main") && pools.includes("second main"), stdout);
    const rows = tableOf(stdout);
    const working = pools.filter((pool) => !pool.endsWith(" main"));
    assert.deepEqual(rows.map(({ host, pool }) => `${host} ${pool}`).sort(), working.sort());
    assert.equal(rows.reduce((sum, { tiles }) => sum + tiles, 0), 15);
    // Each gets two before anybody gets a third.
    if (working.length <= 7) assert(rows.every(({ tiles }) => tiles > 0), stdout);
  });
});

Deno.test("demo: without an adapter, says that the CPU twin takes the GPU's place", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "picture.png");
    const ended = await run([...SMALL, "--out", path], { env: WITHOUT_GPU });
    assertFine(ended);
    assert.match(ended.stdout, /^No GPU adapter here: the kernel's CPU twin takes its place in /m);
    assert.match(ended.stdout, /^Rendering 300x200 in 6 tiles$/m);
    const rows = tableOf(ended.stdout);
    assert.equal(rows.length, CORES + 1, "all workers of this host, and one of the second");
    assert(rows.every(({ pool }) => pool.startsWith("worker-")));
    const picture = decode(await Deno.readFile(path), { checkCrc: true });
    assert.equal(`${picture.width}x${picture.height}`, "300x200");
  });
});

const IMAGE = { width: 40, height: 30 };

/** Black on the left, white on the right. */
async function writeImage(folder: string): Promise<string> {
  const { width, height } = IMAGE;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    data.fill(i % width < width / 2 ? 0 : 255, 3 * i, 3 * i + 3);
  }
  const path = join(folder, "photo.png");
  await Deno.writeFile(path, encode({ ...IMAGE, data, channels: 3, depth: 8 }));
  return path;
}

/** The filtered image has one edge, in its middle. */
async function assertEdges(path: string): Promise<void> {
  const { width, height, channels, data } = decode(await Deno.readFile(path), { checkCrc: true });
  assert.deepEqual({ width, height }, IMAGE);
  const red = (x: number) => data[(15 * width + x) * channels]!;
  assert(red(20) > 100, `a bright edge, got ${red(20)}`);
  assert(red(3) < 20 && red(36) < 20, `dark elsewhere, got ${red(3)} and ${red(36)}`);
}

Deno.test("demo: --image filters a PNG", async () => {
  await inFolder(async (folder) => {
    const image = await writeImage(folder);
    const ended = await run(["--image", image]);
    assertFine(ended);
    assert.match(ended.stdout, /^decode .* worker-\d+, cpu$/m);
    assert.match(ended.stdout, /^blur and edges .* ms {2}(gpu|worker)-\d+, /m);
    assert.match(ended.stdout, /photo-edges\.png \(40x30, \d+ bytes\)$/m);
    assert.deepEqual(namesIn(folder).sort(), ["photo-edges.png", "photo.png"]);
    await assertEdges(join(folder, "photo-edges.png"));
  });
});

Deno.test("demo: --image without an adapter gives the same by the CPU twins, and says so", async () => {
  await inFolder(async (folder) => {
    const out = join(folder, "out.png");
    const args = ["--image", await writeImage(folder), "--out", out];
    const ended = await run(args, { env: WITHOUT_GPU });
    assertFine(ended);
    assert.match(ended.stdout, /^No GPU adapter here: /m);
    assert.match(ended.stdout, /^blur and edges .* ms {2}worker-\d+, cpu$/m);
    await assertEdges(out);
  });
});

async function refused(args: string[], code: number, message: RegExp): Promise<void> {
  const ended = await run(args);
  assert.match(ended.stderr, message);
  assert.match(ended.stderr, /^demo: [^\n]+\n$/, "one line");
  assert.equal(ended.code, code);
  assert.equal(ended.stdout, "");
}

Deno.test("demo: --help prints the usage", async () => {
  const { code, stdout, stderr } = await run(["--help"]);
  assert.equal(code, 0);
  assert.match(stdout, /^Usage: deno task demo/);
  assert.equal(stderr, "");
});

Deno.test("demo: refuses flags that it cannot follow, before it starts anything", async () => {
  await refused(["--imagee", "a.png"], 2, /Unknown option '--imagee'; see --help/);
  await refused(["photo.png"], 2, /Unexpected argument 'photo\.png'; see --help/);
  await refused(["--width", "0"], 2, /--width is a whole number from 1 to 8192, got "0"/);
  await refused(["--height", "1e2"], 2, /--height is .*, got "1e2"/);
  await refused(["--image", "a.png", "--width", "9"], 2, /--width and --height are for the/);
  await refused(
    ["--out", "/nowhere/a.png"],
    2,
    /there is no folder \/nowhere for \/nowhere\/a\.png/,
  );
  await refused(["--out", "/"], 2, /--out is a file, but \/ is a folder/);
});

Deno.test("demo: --image of what is no PNG is one clear line", async () => {
  await inFolder(async (folder) => {
    const text = join(folder, "text.png");
    await Deno.writeTextFile(text, "not a picture");
    await refused(["--image", text], 1, /text\.png is not a PNG file$/m);
    assert.deepEqual(namesIn(folder), ["text.png"]);
  });
});

// SIGTERM ends it as SIGINT does: it listens to neither.
for (const signal of ["SIGINT", "SIGKILL"] as const) {
  Deno.test(`demo: ${signal} in its middle leaves neither a second host nor a file`, async () => {
    await inFolder(async (folder) => {
      const args = ["--out", join(folder, "picture.png")];
      await using child = new Child(DEMO, args, { env: { TMPDIR: folder } });
      const [, id] = await child.line(/^ {2}second host (\w{12}) {2}main/);
      assert(id !== undefined);
      await child.line(/^Rendering 1920x1080 in 135 tiles$/);
      child.kill(signal);
      // Not before the second host has ended as well.
      const ended = await child.ended();
      assert.equal(ended.signal, signal);
      assert.equal(ended.stderr, "");
      assert.deepEqual(namesIn(folder), []);
    });
  });
}
