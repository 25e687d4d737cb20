/** Pools in processes of their own: what goes there, and that their end is nobody else's. */
import assert from "node:assert/strict";
import {
  type ActorRef,
  type DebugReport,
  type ExitKind,
  type Host,
  type HostOptions,
  NotSerializableError,
  onPool,
  PoolLostError,
  type PoolSpec,
  PoolStartError,
  processPool,
  startHost,
  transfer,
  workerPool,
} from "@dramatis/dramatis";
import { Child } from "../fixtures/child.ts";
import { Counter } from "../fixtures/actors.ts";
import { Inmate } from "../fixtures/process_actors.ts";
import { ProgramFolder } from "../fixtures/program_folder.ts";

const MIB = 2 ** 20;

/** A host with these pools, which are not recovered, and an actor in each but the main one. */
async function open(
  pools: PoolSpec[],
  options: HostOptions = {},
): Promise<{ host: Host; inmates: ActorRef<Inmate>[] }> {
  const host = await startHost({ autoRecover: false, ...options, pools });
  const others = host.pools().slice(1);
  const inmates = await Promise.all(
    others.map((pool) => host.createActor(Inmate, [], { place: onPool(pool) })),
  );
  return { host, inmates };
}

async function lost(call: Promise<unknown>): Promise<PoolLostError> {
  try {
    await call;
  } catch (error) {
    assert(error instanceof PoolLostError, String(error));
    return error;
  }
  assert.fail("it was answered");
}

/** Whether Linux knows of a process: by its state, `Z` if it has ended and its parent does not know yet. */
function stateOf(pid: number): string | undefined {
  try {
    return /^State:\s*(\w)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
  } catch {
    return undefined;
  }
}

Deno.test("processPool: each has a process, and everybody reaches everybody", async () => {
  const { host, inmates } = await open([processPool({ count: 2 }), workerPool({ count: 1 })]);
  await using _ = host;
  assert.deepEqual(host.pools().map(({ name, kind }) => [name, kind]), [
    ["main", "main"],
    ["process-1", "process"],
    ["process-2", "process"],
    ["worker-3", "worker"],
  ]);
  const pids = await Promise.all(inmates.map((inmate) => inmate.pid()));
  assert.equal(new Set([...pids, Deno.pid]).size, 3);
  assert.equal(pids[2], Deno.pid);
  for (const from of inmates) {
    for (const [i, to] of inmates.entries()) {
      if (from !== to) assert.equal(await from.askOther(to), pids[i]);
    }
  }
  assert.equal(await inmates[0]!.folder(), Deno.cwd());
  await host.stop();
  assert.deepEqual(pids.slice(0, 2).map(stateOf), [undefined, undefined]);
});

Deno.test("processPool: values large and small, and what cannot go there", async () => {
  const { host, inmates: [inmate] } = await open([processPool()]);
  await using _ = host;
  const value = { map: new Map([[1, new Date(0)]]), big: 2n ** 70n, hole: undefined };
  assert.deepEqual(await inmate!.echo(value), value);
  const bytes = new Uint8Array(64 * MIB).fill(7);
  const large = inmate!.back(transfer(bytes));
  // It does not wait for the large one.
  assert.equal(await inmate!.ping(), "pong");
  const back = await large;
  assert.equal(back.length, 64 * MIB);
  assert.equal(back.at(-1), 7);
  await assert.rejects(
    inmate!.echo(new SharedArrayBuffer(8)),
    (error) => error instanceof NotSerializableError && /one process only/.test(error.message),
  );
  await assert.rejects(inmate!.share(), NotSerializableError);
  assert.equal(await inmate!.ping(), "pong");
});

interface Death {
  readonly name: string;
  readonly exit: ExitKind;
  readonly message: RegExp;
  readonly pool?: PoolSpec;
  die(inmate: ActorRef<Inmate>): unknown;
}

const DEATHS: readonly Death[] = [
  {
    name: "is killed",
    exit: "killed",
    message: /sent SIGKILL/,
    die: async (inmate) => Deno.kill(await inmate.pid(), "SIGKILL"),
  },
  {
    name: "is killed while it loops",
    exit: "killed",
    message: /sent SIGKILL/,
    die: async (inmate) => {
      const pid = await inmate.pid();
      inmate.loop.tell();
      Deno.kill(pid, "SIGKILL");
    },
  },
  {
    name: "crashes",
    exit: "error",
    message: /crashed with SIGABRT/,
    die: async (inmate) => Deno.kill(await inmate.pid(), "SIGABRT"),
  },
  {
    name: "throws",
    exit: "error",
    message: /RangeError: uncaught/,
    die: (inmate) => inmate.throwLater.tell("uncaught"),
  },
  {
    name: "exits",
    exit: "exit",
    message: /closed itself or exited/,
    die: (inmate) => inmate.exit.tell(),
  },
  {
    name: "exhausts its heap",
    exit: "memory",
    message: /heap was exhausted \(Fatal JavaScript.* out of memory.*\): .*memoryLimitBytes/,
    pool: processPool({ memoryLimitBytes: 64 * MIB }),
    die: (inmate) => inmate.devour.tell(),
  },
  {
    name: "keeps too much in ArrayBuffers",
    exit: "memory",
    message: /grown by \d+ MiB, ArrayBuffers included, .*memoryLimitBytes allows 192:/,
    pool: processPool({ memoryLimitBytes: 64 * MIB }),
    die: (inmate) => inmate.hoard.tell(),
  },
];

for (const { name, exit, message, pool = processPool(), die } of DEATHS) {
  Deno.test(`a process that ${name}: who waits is told, siblings answer throughout`, async () => {
    const { host, inmates } = await open([pool, processPool(), workerPool({ count: 1 })]);
    await using _ = host;
    const [doomed, process, worker] = inmates;
    const pid = await doomed!.pid();
    const calls = [doomed!.wait(), process!.waitForOther(doomed!), worker!.waitForOther(doomed!)];
    const told = Promise.all(calls.map(lost));
    let isOver = false;
    void told.then(() => isOver = true, () => isOver = true);
    const dying = die(doomed!);
    while (!isOver) {
      assert.deepEqual(await Promise.all([process!.ping(), worker!.ping()]), ["pong", "pong"]);
    }
    for (const error of await told) {
      assert.equal(error.exit, exit, error.message);
      assert.match(error.message, message);
    }
    await dying;
    assert.deepEqual(host.pools().map(({ pool }) => pool), [0, 2, 3]);
    assert.equal(host.abandonedThreads, 0);
    await lost(doomed!.ping());
    assert.equal(stateOf(pid), undefined, "nothing is left of the process");
    const [again] = await host.appendPool(processPool());
    const counter = await host.createActor(Counter, [1], { place: onPool(again!) });
    assert.equal(await counter.get(), 1);
  });
}

/** A host whose process pool is held by a loop, and the report of that. */
async function openBlocked(options: HostOptions = {}) {
  const blocked = Promise.withResolvers<DebugReport>();
  const debug = {
    blockedLoopMs: 50,
    onReport: (report: DebugReport) => {
      // On a busy machine its start alone may take so long.
      const isLoop = report.kind === "blocked" &&
        report.running.some((code) => code.method === "loop");
      if (isLoop && report.name === "process-1") blocked.resolve(report);
    },
  };
  const { host, inmates } = await open([processPool(), processPool()], { ...options, debug });
  const [inmate, sibling] = inmates as [ActorRef<Inmate>, ActorRef<Inmate>];
  const calls = [inmate.loop(), inmate.ping(), sibling.waitForOther(inmate)].map(lost);
  return { host, inmate, sibling, calls, report: await blocked.promise };
}

Deno.test("a process that does not stop in time is killed, and counts as no thread", async () => {
  const { host, calls } = await openBlocked({ stopTimeoutMs: 200 });
  await using _ = host;
  await host.removePool(1);
  for (const error of await Promise.all(calls)) {
    assert.equal(error.exit, "killed");
    assert.match(error.message, /did not stop in 200 ms: it was killed/);
  }
  assert.equal(host.abandonedThreads, 0);
});

Deno.test("a process that is held by a loop: the report says by which, killActor ends it", async () => {
  const { host, inmate, sibling, calls, report } = await openBlocked();
  await using _ = host;
  assert(report.kind === "blocked");
  assert.deepEqual(report.running.map(({ type, method }) => `${type}.${method}`), ["Inmate.loop"]);
  await host.killActor(inmate);
  for (const error of await Promise.all(calls)) {
    assert.equal(error.exit, "killed");
    assert.match(
      error.message,
      /process-1 was killed: .* was killed, and its thread did not answer in \d+ ms/,
    );
  }
  assert.equal(await sibling.ping(), "pong");
  assert.equal(host.abandonedThreads, 0);
  assert.deepEqual(host.pools().map(({ pool }) => pool), [0, 2]);
});

/** Ends a host in a process; fails if anything is left of it. */
async function endOf(args: string[], end: (child: Child) => void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const script = new URL("../fixtures/process_host.ts", import.meta.url);
    await using child = new Child(script, args, { env: { TMPDIR: folder } });
    const [text] = await child.line(/^\{.*\}$/);
    const { pids } = JSON.parse(text) as { pids: number[] };
    end(child);
    // Its processes have its standard output: this waits for them too.
    await child.ended();
    for (const pid of pids) assert.match(stateOf(pid) ?? "none", /^(none|Z)$/);
    assert.deepEqual([...Deno.readDirSync(folder)], [], "nothing is left in the temporary folder");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a host that is killed: its processes end, even one that loops", async () => {
  await endOf([], (child) => child.kill("SIGKILL"));
});

Deno.test("a host that stops leaves neither processes nor files", async () => {
  await endOf(["stop"], () => {});
});

Deno.test("processPool: names are resolved as in the program, wherever that is", async () => {
  await using folder = await ProgramFolder.open({ greeting: "./greeting.ts" });
  await folder.write("greeting.ts", 'export const greeting = "hello";');
  const main = await folder.write(
    "program/main.ts",
    `import { Actor, actor, onPool, processPool, startHost } from "@dramatis/dramatis";
    import { greeting } from "greeting";
    @actor(import.meta)
    export class Greeter extends Actor {
      greet(): string {
        return greeting + " from " + Deno.cwd();
      }
    }
    if (import.meta.main) {
      await using host = await startHost({ pools: [processPool()] });
      const greeter = await host.createActor(Greeter, [], { place: onPool(1) });
      console.log(await greeter.greet());
    }`,
  );
  await using child = new Child(main, []);
  assert.equal((await child.line(/^hello/)).input, `hello from ${Deno.cwd()}`);
  assert.equal((await child.ended()).code, 0);
});

Deno.test("processPool: env is added to the host's, and the host's is not changed", async () => {
  const pools = [processPool({ env: { DRAMATIS_TEST: "1" } })];
  const { host, inmates: [inmate] } = await open(pools);
  await using _ = host;
  assert.equal(await inmate!.env("DRAMATIS_TEST"), "1");
  assert.equal(await inmate!.env("PATH"), Deno.env.get("PATH"));
  assert.equal(Deno.env.get("DRAMATIS_TEST"), undefined);
});

Deno.test("processPool: permissions", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const here = new URL(".", import.meta.url);
  const modules = new URL("../../", import.meta.url);
  const { host, inmates: [free, noNet, few] } = await open([
    processPool(),
    processPool({ permissions: { net: false, run: false, env: ["PATH"] } }),
    processPool({
      permissions: { net: [], read: [modules], write: false, run: false, env: false, sys: false },
    }),
  ]);
  await using _ = host;
  const { port } = listener.addr;
  await free!.connect(port);
  (await listener.accept()).close();
  await assert.rejects(noNet!.connect(port), /Requires net access/);
  const granted = async (inmate: ActorRef<Inmate>) =>
    Object.entries(await inmate.permissions())
      .filter(([, state]) => state === "granted").map(([name]) => name);
  assert.deepEqual(await granted(free!), ["env", "net", "read", "run", "sys", "write"]);
  assert.deepEqual(await granted(noNet!), ["read", "sys", "write"]);
  assert.deepEqual(await granted(few!), []);
  assert.equal(await noNet!.env("PATH"), Deno.env.get("PATH"));
  await assert.rejects(noNet!.env("HOME"), /Requires env access/);
  assert.match(await few!.read(new URL("process.test.ts", here).pathname), /processPool/);
  await assert.rejects(few!.read("/etc/hostname"), /Requires read access/);
});

Deno.test("processPool: what it cannot be started with is said", async () => {
  await assert.rejects(
    startHost({ pools: [processPool({ flags: ["--no-such-flag"] })] }),
    (error: Error) => {
      assert(error instanceof PoolStartError);
      assert.equal(error.phase, "import");
      assert.match(error.message, /process-1 could not be started \(import\): it exited with code/);
      assert.match(error.message, /--no-such-flag/);
      return true;
    },
  );
  assert.throws(() => processPool({ count: -1 }), RangeError);
  assert.throws(() => processPool({ memoryLimitBytes: 1024 }), /memoryLimitBytes is .*, got 1024/);
  assert.throws(() => processPool({ flags: ["main.ts"] }), /flags are flags of deno run/);
  assert.throws(() => processPool({ permissions: { network: true } as never }), /got network/);
  assert.throws(() => processPool({ permissions: { net: "all" } as never }), /permissions\.net/);
  assert.throws(() => processPool({ permissions: "none" as never }), /permissions is "inherit"/);
  assert.throws(() => processPool({ env: { A: 1 } as never }), /env\.A is a string/);
});
