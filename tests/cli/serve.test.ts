/** `deno task serve` as a process: what it says, how it stops, how it refuses. */
import assert from "node:assert/strict";
import {
  type ActorRef,
  connect,
  formatHostId,
  type Host,
  HostLostError,
  onPool,
  startHost,
} from "@dramatis/dramatis";
import { Child, type ChildOptions, type Ended, WITHOUT_GPU } from "../fixtures/child.ts";
import { Stayer, Witness } from "./fixtures/witness.ts";

const SERVE = new URL("../../src/cli/serve.ts", import.meta.url);
const WITNESS = new URL("./fixtures/witness.ts", import.meta.url).href;
const TOKEN = "correct-horse-battery-staple";
const SMALL = ["--port", "0", "--workers", "0", "--gpu", "off"];

function serve(args: readonly string[], options?: ChildOptions): Child {
  return new Child(SERVE, args, options);
}

/** Waits until it listens; its URL. */
async function urlOf(child: Child): Promise<string> {
  const [, url] = await child.line(/^dramatis host [0-9a-f]{12} listens on (ws:\/\/\S+)$/);
  return url!;
}

/** A file that holds the text while the test runs. */
async function withFile(text: string, body: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, text);
    await body(path);
  } finally {
    await Deno.remove(path);
  }
}

/** A host of this test's own that is linked with the child. */
async function linkedWith(child: Child): Promise<Host> {
  return await startHost({ pools: [], join: [await urlOf(child)] });
}

/** The first pool of that kind of the other host. */
function theirs(host: Host, kind: "main" | "worker"): ReturnType<typeof onPool> {
  return onPool(host.pools().find((pool) => pool.host !== host.id && pool.kind === kind)!);
}

function assertInOrder(text: string, lines: readonly string[]): void {
  const at = lines.map((line) => `\n${text}`.indexOf(`\n${line}\n`));
  assert(at.every((place) => place >= 0), `expected the lines ${lines.join(", ")} in\n${text}`);
  assert.deepEqual(at, at.toSorted((a, b) => a - b), text);
}

function assertRefused({ code, stdout, stderr }: Ended, message: RegExp): void {
  assert.match(stderr, message);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /^dramatis: [^\n]+\n$/, "one line");
  assert.equal(stdout, "");
}

async function refused(
  args: readonly string[],
  message: RegExp,
  options?: ChildOptions,
): Promise<void> {
  await using child = serve(args, options);
  assertRefused(await child.ended(), message);
}

// What it says.

Deno.test("serve: --help prints the usage", async () => {
  await using child = serve(["--help"]);
  const { code, stdout, stderr } = await child.ended();
  assert.equal(code, 0);
  assert.match(stdout, /^Usage: deno task serve/);
  assert.match(stdout, /--until-stdin-closes/);
  assert.equal(stderr, "");
});

Deno.test("serve: says where it listens, its pools, and whom it is linked with", async () => {
  await using other = await startHost({ pools: [], listen: { port: 0 }, token: TOKEN });
  await withFile(`${TOKEN}\n`, async (file) => {
    const args = ["--port", "0", "--workers", "2", "--gpu", "off", "--token-file", file];
    args.push("--processes", "1");
    await using child = serve([...args, "--join", `ws://${other.address}`]);
    const url = await urlOf(child);
    await child.line(/^ {2}linked with/);
    const health = await fetch(url.replace("ws:", "http:") + "/healthz");
    assert.deepEqual(await health.json(), { ok: true });
    child.kill("SIGTERM");
    const { code, stdout, stderr } = await child.ended();
    assert.equal(code, 0);
    assert.equal(stderr, "");
    assertInOrder(stdout, [
      "  main: cpu",
      "  worker-1: cpu",
      "  worker-2: cpu",
      "  process-3: cpu",
      `  linked with host ${formatHostId(other.id)} at ${other.address}`,
      "stopping",
      "stopped",
    ]);
    assert.doesNotMatch(stdout, /gpu/, "nobody asked for one");
    assert(!stdout.includes(TOKEN));
  });
});

Deno.test("serve: --gpu auto without an adapter says that there is no gpu pool", async () => {
  await using child = serve(["--port", "0", "--workers", "0"], { env: WITHOUT_GPU });
  await child.line(/^ {2}no gpu pool: this machine has no WebGPU adapter\. .*mesa-vulkan-drivers/);
  child.kill("SIGINT");
  const { code, stderr } = await child.ended();
  assert.equal(code, 0);
  assert.equal(stderr, "");
});

Deno.test("serve: --gpu require without an adapter says what to install", async () => {
  await refused(
    ["--port", "0", "--gpu", "require"],
    /^dramatis: No gpu pool could be started: .*no WebGPU adapter.*apt-get install libvulkan1/,
    { env: WITHOUT_GPU },
  );
});

// How it stops.

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`serve: ${signal} stops in order: the running call is answered`, async () => {
    const entered = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    let inside = 0;
    await using door = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async () => {
      if (++inside === 2) entered.resolve();
      await released.promise;
      return new Response("the answer");
    });
    const args = ["--port", "0", "--workers", "1", "--gpu", "off", "--modules", WITNESS];
    await using child = serve(args);
    await using host = await linkedWith(child);
    for (const kind of ["main", "worker"] as const) {
      await host.createActor(Witness, [], { uid: kind, place: theirs(host, kind) });
    }
    const other = host.hosts()[0]!.id;
    const refs: ActorRef<Witness>[] = [];
    for (const kind of ["main", "worker"]) refs.push(await host.actorRef(kind, other));
    const answers = refs.map((ref) => ref.ask(`http://127.0.0.1:${door.addr.port}/`));
    await entered.promise;
    child.kill(signal);
    await child.line(/^stopping$/);
    released.resolve();
    assert.deepEqual(await Promise.all(answers), ["the answer", "the answer"]);
    const { code, stdout, stderr } = await child.ended();
    assert.equal(code, 0);
    assert.equal(stderr, "");
    assertInOrder(stdout, ["stopping", "the witness was destroyed", "stopped"]);
    assert.equal(stdout.split("the witness was destroyed").length, 3, "both");
    await assert.rejects(refs[0]!.ask(""), HostLostError);
  });
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`serve: a second signal (${signal}) ends it at once`, async () => {
    await using child = serve([...SMALL, "--modules", WITNESS]);
    await using host = await linkedWith(child);
    await host.createActor(Stayer, [], { place: theirs(host, "main") });
    child.kill("SIGINT");
    await child.line(/^the stayer stays$/);
    child.kill(signal);
    const ended = await child.ended();
    assert.equal(ended.code, code);
    assert.doesNotMatch(ended.stdout, /^stopped$/m);
  });
}

Deno.test("serve: a signal while it starts ends it", async () => {
  // It lets everybody in and answers nobody.
  using deaf = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  await using child = serve([...SMALL, "--join", `ws://127.0.0.1:${deaf.addr.port}`]);
  using _dialled = await deaf.accept();
  child.kill("SIGINT");
  const { code, stdout } = await child.ended();
  assert.equal(code, 0);
  assert.equal(stdout, "stopping\nstopped\n");
});

Deno.test("serve: --until-stdin-closes stops in order, --token-file - reads a line of it", async () => {
  const args = [...SMALL, "--until-stdin-closes", "--token-file", "-", "--modules", WITNESS];
  await using child = serve(args, { input: `${TOKEN}\n` });
  const url = await urlOf(child);
  await assert.rejects(startHost({ pools: [], join: [url] }), { name: "LinkRefusedError" });
  await using host = await startHost({ pools: [], token: TOKEN, join: [url] });
  await host.createActor(Witness, [], { place: theirs(host, "main") });
  await child.closeInput();
  const { code, stdout, stderr } = await child.ended();
  assert.equal(code, 0);
  assert.match(stderr, /^dramatis: refused 127\.0\.0\.1: 401: This host wants its token[^\n]*\n$/);
  assertInOrder(stdout, ["stopping", "the witness was destroyed", "stopped"]);
  assert(!stdout.includes(TOKEN));
});

// How it refuses.

Deno.test("serve: refuses flags that it does not know", async () => {
  await refused(["--portt", "1"], /Unknown option '--portt'; see --help/);
});

Deno.test("serve: refuses a port that is taken", async () => {
  using taken = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = taken.addr;
  await refused(
    ["--port", String(port), "--workers", "1", "--gpu", "off"],
    new RegExp(`Cannot listen on 127\\.0\\.0\\.1:${port}: the port is taken`),
  );
});

Deno.test("serve: refuses a hostname that is not this machine's", async () => {
  await withFile(TOKEN, async (file) => {
    const args = [...SMALL, "--token-file", file, "--hostname"];
    // Kept for documentation (RFC 5737): nobody has it.
    await refused([...args, "192.0.2.1"], /Cannot listen on 192\.0\.2\.1:0: .*address/);
    await refused([...args, "no.such.invalid"], /Cannot listen on no\.such\.invalid:0: .*lookup/);
  });
});

Deno.test("serve: refuses to listen beyond loopback without a token", async () => {
  await refused([...SMALL, "--hostname", "0.0.0.0"], /Cannot listen on 0\.0\.0\.0 without a token/);
});

Deno.test("serve: refuses a token that is not there, empty, or cannot be sent", async () => {
  await refused(["--token-file", "/nowhere/token"], /Cannot read --token-file \/nowhere\/token: /);
  await refused(["--token-file", "/"], /Cannot read --token-file \/: /);
  await refused(["--token-file", "-"], /--token-file - \(standard input\) is empty/);
  await withFile(" \n", (file) => refused(["--token-file", file], /--token-file \S+ is empty/));
  await withFile(`${TOKEN}\n€`, async (file) => {
    await using child = serve(["--token-file", file]);
    const ended = await child.ended();
    assertRefused(ended, /--token-file \S+ is not one word/);
    assert(!ended.stderr.includes(TOKEN));
  });
});

Deno.test("serve: refuses modules that are not there, broken, or without actors", async () => {
  const here = (name: string) => new URL(name, import.meta.url).href;
  const modules = (name: string) => [...SMALL, "--modules", name];
  await refused(
    modules("./nowhere.ts"),
    /Cannot load module file:\S+nowhere\.ts: Module not found/,
  );
  await refused(modules(here("../fixtures/child.ts")), /child\.ts exports no actor/);
  await refused(
    modules("data:text/javascript,throw new Error('out of order')"),
    /Cannot load module data:.*: out of order/,
  );
  await refused(modules("data:text/javascript,const = 1"), /Cannot load module data:/);
});

Deno.test("serve: refuses to go on without a host that it was to join", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  const join = (url: string) => [...SMALL, "--workers", "1", "--join", url];
  await refused(join(`ws://127.0.0.1:${port}`), new RegExp(`Cannot reach ws://127.0.0.1:${port}`));
  await refused(join("ftp://there"), /Cannot join "ftp:\/\/there": expected ws:\/\/host:port/);
});

Deno.test("serve: a host that does not let it in is told from one that is not there", async () => {
  await using other = await startHost({ pools: [], listen: { port: 0 }, token: TOKEN });
  const args = [...SMALL, "--join", `ws://${other.address}`];
  await refused(args, /refused the link: 401 Unauthorized: This host wants its token/);
  await withFile("another-token", async (file) => {
    await using child = serve([...args, "--token-file", file]);
    const ended = await child.ended();
    assertRefused(ended, /refused the link: 401/);
    assert(!ended.stderr.includes("another-token"));
    assert(!ended.stderr.includes(TOKEN));
  });
  assert.deepEqual(other.hosts(), []);
});

Deno.test("serve: tokens come by the environment too, where actors do not find them", async () => {
  const env = {
    DRAMATIS_TOKEN: TOKEN,
    DRAMATIS_CLIENT_TOKEN: "for-clients",
    DRAMATIS_READ_TOKEN: "to-look",
  };
  const flags = [...SMALL, "--modules", WITNESS, "--allow-origin", "https://app.example.org"];
  await using child = serve(flags, { env });
  const url = await urlOf(child);
  await using client = await connect(url, { token: "for-clients" });
  const witness = await client.createActor(Witness, []);
  assert.deepEqual(await witness.environment(Object.keys(env)), [null, null, null]);
  const look = await fetch(url.replace("ws:", "http:") + "/metrics", {
    headers: { authorization: "Bearer to-look" },
  });
  assert.equal(look.status, 200);
  await look.body?.cancel();
  const page = new WebSocket(`${url}/link`, {
    headers: { origin: "https://app.example.org", authorization: "Bearer for-clients" },
  });
  await new Promise((resolve, reject) => {
    page.onopen = resolve;
    page.onerror = reject;
  });
  const closed = new Promise((resolve) => page.onclose = resolve);
  page.close();
  await closed;
  await client.close();
  child.kill("SIGTERM");
  const { code, stdout, stderr } = await child.ended();
  assert.equal(code, 0);
  for (const secret of Object.values(env)) assert(!(stdout + stderr).includes(secret));
});
