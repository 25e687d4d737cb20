/** Placement, crash and recovery, and elastic pools: the same on every kind of pool, for hosts that began with none. */
import assert from "node:assert/strict";
import {
  ActorNotFoundError,
  type ActorRef,
  type AutoRecover,
  formatHostId,
  type Host,
  idleLabel,
  label,
  mainPool,
  onPool,
  type Placement,
  PlacementError,
  type PoolDescription,
  PoolLostError,
  type PoolRecoveredEvent,
  random,
  type RecoveryOptions,
  startHost,
} from "@dramatis/dramatis";
import { NO_ADAPTER } from "../../gpu/no_adapter.ts";
import { Counter } from "../fixtures/actors.ts";
import { Foreman } from "../fixtures/foreman.ts";
import { Child } from "../fixtures/child.ts";
import { Fragile } from "../fixtures/placement_actors.ts";
import { Inmate } from "../fixtures/process_actors.ts";
import { POOL_KINDS, type PoolKind, poolOf, poolWithEnv } from "../fixtures/scenario_pools.ts";

/** Waits that end long before a test is given up. */
const SOON = { timeoutMs: 120_000 };

/** A host without pools. */
function open(autoRecover: AutoRecover = "actor", recovery: RecoveryOptions = {}): Promise<Host> {
  return startHost({
    pools: [],
    autoRecover,
    recovery: { waitMs: 120_000, ...recovery },
    debug: false,
    onDeadLetter: () => {},
  });
}

/** Whether there is an adapter; the tests of a file ask once. */
let hasAdapter: boolean | undefined;

async function hasGpu(): Promise<boolean> {
  if (hasAdapter === undefined) {
    await using host = await open();
    hasAdapter = (await host.appendPool(poolOf("gpu"))).length > 0;
  }
  return hasAdapter;
}

/** Registers a test for every kind of pool; of kinds without a device here it says so. */
function onEvery(name: string, fn: (kind: PoolKind) => Promise<void>): void {
  for (const kind of POOL_KINDS) {
    Deno.test(`${name} (${kind})`, async () => {
      if (kind.startsWith("gpu") && !await hasGpu()) {
        if (Deno.env.get("DRAMATIS_REQUIRE_GPU") === "1") throw new Error(NO_ADAPTER);
        // deno-lint-ignore no-console -- a skipped test must say so
        return console.warn(`skipped "${name} (${kind})": ${NO_ADAPTER}`);
      }
      await fn(kind);
    });
  }
}

async function append(host: Host, kind: PoolKind, labels: string[] = []): Promise<PoolDescription> {
  return (await host.appendPool(poolOf(kind, labels)))[0]!;
}

async function lost(call: Promise<unknown>): Promise<PoolLostError> {
  const error = await call.then(() => "answered", (error) => error);
  assert(error instanceof PoolLostError, String(error));
  return error;
}

onEvery("scenario 11: placement by labels, and slots that are free again", async (kind) => {
  await using host = await open();
  const first = await append(host, kind, ["card"]);
  const second = await append(host, kind, ["card"]);
  const poolOfNew = async (place: Placement) => {
    const ref = await host.createActor(Counter, [], { place });
    return host.poolOf(ref).pool;
  };
  const both = [first.pool, second.pool];
  assert(both.includes(await poolOfNew(label("card"))));
  assert(both.concat(0).includes(await poolOfNew(random())));
  assert.equal(await poolOfNew(mainPool()), 0);
  assert.equal(await poolOfNew(onPool(second.pool)), second.pool);
  await assert.rejects(poolOfNew(label("disk")), PlacementError);

  const place = idleLabel("card", "model");
  const failing = host.createActor(Fragile, [true], { place });
  await assert.rejects(failing, /could not be started/);
  const models = await Promise.all([1, 2].map(() => host.createActor(Counter, [], { place })));
  assert.deepEqual(models.map((ref) => host.poolOf(ref).pool).sort(), both);
  await assert.rejects(host.createActor(Counter, [], { place }), PlacementError);
  const third = await append(host, kind, ["card"]);
  const late = await host.createActor(Counter, [], { place });
  assert.equal(host.poolOf(late).pool, third.pool, "a pool that comes later is as good");
  await host.destroyActor(models[0]!);
  assert.equal(await (await host.createActor(Counter, [3], { place })).get(), 3);
});

onEvery("scenario 12: a pool that dies during a call, by autoRecover", async (kind) => {
  for (const autoRecover of ["actor", "pool", false] as const) {
    const recovered = Promise.withResolvers<PoolRecoveredEvent>();
    await using host = await open(autoRecover, {
      onPoolDown: () => {
        throw new Error("a hook that throws stops nothing");
      },
      onPoolRecovered: recovered.resolve,
    });
    const { error: print } = console;
    // deno-lint-ignore no-console -- where it says that a hook has thrown
    console.error = () => {};
    try {
      const { pool } = await append(host, kind);
      const options = { uid: "inmate", place: onPool(pool) };
      const inmate = await host.createActor(Inmate, [], options);
      await host.waitPoolRecovered(0);
      for (const end of ["exit", "throwLater"] as const) {
        const told = lost(inmate.wait());
        if (end === "exit") inmate.exit.tell();
        else inmate.throwLater.tell("burnt");
        const error = await told;
        const where = `(pool ${pool} of host ${formatHostId(host.id)}) is gone`;
        assert(error.message.includes(where), error.message);
        assert.equal(error.exit, end === "exit" ? "exit" : "error");
        if (end === "throwLater") {
          assert(error.cause instanceof RangeError, "the last error");
          assert.equal(error.cause.message, "burnt");
        }
        assert.equal(await host.hasActor("inmate"), autoRecover === "actor");
        if (autoRecover === false) {
          await lost(host.waitPoolRecovered(pool, SOON));
          assert.deepEqual(host.pools().map(({ pool }) => pool), [0]);
          return;
        }
        await host.waitPoolRecovered(pool, SOON);
        assert.equal((await recovered.promise).pool.pool, pool);
        if (autoRecover === "pool") {
          await assert.rejects(inmate.ping(), ActorNotFoundError);
          await host.createActor(Inmate, [], options);
        }
        assert.equal(await inmate.ping(), "pong");
      }
    } finally {
      // deno-lint-ignore no-console
      console.error = print;
    }
  }
});

onEvery("scenario 13: pools come and go while the host runs", async (kind) => {
  await using host = await open();
  assert.deepEqual(host.pools().map(({ pool }) => pool), [0]);
  const [{ pool }] = await host.appendPool(poolWithEnv(kind, { DRAMATIS_SCENARIO: "13" })) as [
    PoolDescription,
  ];
  assert.deepEqual(host.pools().map(({ pool }) => pool), [0, pool]);
  const inmate: ActorRef<Inmate> = await host.createActor(Inmate, [], { place: onPool(pool) });
  const hasEnv = kind === "process" || kind === "gpu in a process";
  assert.equal(await inmate.env("DRAMATIS_SCENARIO"), hasEnv ? "13" : undefined);
  const waiting = inmate.wait().catch((error) => error);
  await inmate.ping();
  await host.removePool(pool, { force: true });
  const error = await waiting;
  assert(error instanceof PoolLostError, String(error));
  assert.equal(error.exit, "stopped");
  await assert.rejects(inmate.ping());
  assert.deepEqual(host.pools().map(({ pool }) => pool), [0]);
  await assert.rejects(host.waitPoolRecovered(pool), PoolLostError);
});

onEvery("scenario 13: nothing outlives a host that is killed", async (kind) => {
  await using child = new Child(new URL("../fixtures/pool_host.ts", import.meta.url), [kind]);
  const [text] = await child.line(/^\{.*\}$/);
  const { pids } = JSON.parse(text) as { pids: number[] };
  assert.equal(pids.length, 2);
  child.kill("SIGKILL");
  // Its processes have its standard output: this waits for them too.
  await child.ended();
  for (const pid of pids) assert.match(stateOf(pid), /^(none|Z)$/);
});

function stateOf(pid: number): string {
  try {
    return /^State:\s*(\w)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? "none";
  } catch {
    return "none";
  }
}

onEvery("scenario 13: actors add and remove pools as their host does", async (kind) => {
  await using host = await open();
  const first = await append(host, kind);
  for (const place of [mainPool(), onPool(first.pool)]) {
    const foreman = await host.createActor(Foreman, [], { place });
    const pool = await foreman.grow(kind);
    assert.deepEqual(host.pools().map(({ pool }) => pool), [0, first.pool, pool]);
    assert.equal(host.pools()[2]!.kind, first.kind);
    assert.deepEqual(host.pools()[2]!.labels, ["grown"]);
    const inmate = await host.createActor(Inmate, [], { place: label("grown") });
    assert.equal(await inmate.ping(), "pong");
    await foreman.shrink(pool);
    assert.deepEqual(host.pools().map(({ pool }) => pool), [0, first.pool]);
    await assert.rejects(foreman.shrink(pool), /has no pool/);
    await assert.rejects(foreman.shrink(0), RangeError);
  }
  const foreman = await host.createActor(Foreman, [], { place: onPool(first.pool) });
  const watch = host.watch(foreman);
  await foreman.shrink(first.pool);
  await watch;
});
