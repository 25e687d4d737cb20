/** Pools whose actors may do less than their host. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  type ActorRef,
  label,
  type PoolPermissions,
  PoolStartError,
  processPool,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Child } from "../fixtures/child.ts";
import { ProgramFolder } from "../fixtures/program_folder.ts";
import { Prisoner } from "../fixtures/sandboxed_actors.ts";

/** The package itself, which an actor's module is loaded from. */
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PRISON: PoolPermissions = {
  net: false,
  read: [ROOT],
  write: false,
  run: false,
  env: false,
  ffi: false,
};

/** What its pool lets an actor do. */
async function triesOf(actor: ActorRef<Prisoner>, port: number, folder: string) {
  return {
    read: await actor.read("/etc/hostname"),
    write: await actor.write(`${folder}/written`),
    dial: await actor.dial(port),
    fetch: await actor.fetch(port),
    run: await actor.run(),
    environment: await actor.environment(),
    worker: await actor.worker(),
    own: await actor.read(`${ROOT}/deno.json`),
    sum: await actor.add(1, 2),
  };
}

for (
  const [name, pool] of [["worker", workerPool], ["process", processPool]] as const
) {
  Deno.test(`${name}Pool: actors of a sandboxed pool may do what it lists, others all`, async () => {
    await using server = Deno.serve({ port: 0, onListen() {} }, () => new Response("in"));
    await using folder = await ProgramFolder.open();
    await using host = await startHost({
      pools: [
        pool({ count: 1, labels: ["prison"], permissions: PRISON }),
        pool({ count: 1, labels: ["free"] }),
      ],
    });
    const { port } = server.addr;
    const prisoner = await host.createActor(Prisoner, [], { place: label("prison") });
    const refused = "NotCapable";
    assert.deepEqual(await triesOf(prisoner, port, folder.path), {
      read: refused,
      write: refused,
      dial: refused,
      fetch: refused,
      run: refused,
      environment: refused,
      worker: refused,
      own: "done",
      sum: 3,
    });
    const free = await host.createActor(Prisoner, [], { place: label("free") });
    const { sum, ...tries } = await triesOf(free, port, folder.path);
    assert.deepEqual([sum, [...new Set(Object.values(tries))]], [3, ["done"]]);
  });
}

Deno.test("workerPool: a module that the pool may not read is a load error that says so", async () => {
  await using host = await startHost({
    pools: [workerPool({ count: 1, labels: ["blind"], permissions: { read: false } })],
  });
  await assert.rejects(host.createActor(Prisoner, [], { place: label("blind") }), {
    name: "ActorStartError",
    phase: "load",
    message: /Requires read access/,
  });
});

Deno.test("workerPool: permissions that are none are refused by name", () => {
  assert.throws(() => workerPool({ permissions: { nets: false } as PoolPermissions }), {
    name: "TypeError",
    message: /permissions has kinds env.*got nets/,
  });
  assert.throws(() => workerPool({ permissions: "none" as never }), /"inherit" or an object/);
  assert.throws(
    () => workerPool({ permissions: { net: "all" } as unknown as PoolPermissions }),
    /permissions\.net is true, false or a list/,
  );
});

const PROGRAM = `
import { startHost, workerPool } from "@dramatis/dramatis";
try {
  await using host = await startHost({ pools: [workerPool({ count: 1, permissions: PERMISSIONS })] });
  console.log("started", host.pools().length);
} catch (error) {
  console.log(error.name, error.phase, error.message);
}
`;

Deno.test("workerPool: without Deno's worker options it says what to do, and the program goes on", async () => {
  await using folder = await ProgramFolder.open();
  const config = new URL(`file://${folder.path}/deno.json`);
  const { unstable: _, ...rest } = JSON.parse(await Deno.readTextFile(config));
  await Deno.writeTextFile(config, JSON.stringify(rest));
  const program = await folder.write("main.ts", PROGRAM.replace("PERMISSIONS", "{ net: false }"));
  await using child = new Child(program, []);
  const { code, stdout } = await child.ended();
  assert.equal(code, 0);
  assert.match(stdout, /^PoolStartError spawn .*"unstable": \["worker-options"\] into deno\.json/);
});

Deno.test("workerPool: what the host may not do itself it cannot allow", async () => {
  await using folder = await ProgramFolder.open();
  const program = await folder.write("main.ts", PROGRAM.replace("PERMISSIONS", "{ net: true }"));
  await using child = new Child(program, [], { permissions: ["--allow-read", "--allow-env"] });
  const { code, stdout } = await child.ended();
  assert.equal(code, 0);
  assert.match(stdout, /^PoolStartError spawn .*the host must have each itself/);
  assert(PoolStartError.name === "PoolStartError");
});
