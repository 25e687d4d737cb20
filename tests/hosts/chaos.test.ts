/**
 * Pools are killed at random under full load: every call settles, what was acknowledged as saved is never
 * lost, no actor is there twice, and nothing is left behind. The suite has two kills in four seconds;
 * `deno task bench:chaos` takes a minute and kills thirty times.
 */
import assert from "node:assert/strict";
import {
  type ActorRef,
  addressOf,
  type GiveUpEvent,
  type Host,
  onPool,
  type PoolInspection,
  PoolLostError,
  type PoolRecoveredEvent,
  sqliteStore,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { random as randomNumbers } from "../core/random.ts";
import { Tally } from "../fixtures/state_actors.ts";

/** How long it takes. */
const DURATION_MS = Number(Deno.env.get("DRAMATIS_CHAOS_MS") ?? 4000);
/** `deno task bench:chaos` runs nothing else in its process. */
const IS_ALONE = Deno.env.has("DRAMATIS_CHAOS_MS");
/** Between two kills: thirty in a minute. */
const KILL_MS = 2000;
const POOLS = 4;
/** A slow machine has to bring all those of a pool back within its five seconds. */
const ACTORS = DURATION_MS < 60_000 ? 400 : 1000;
/** Calls under way at a time. */
const CALLERS = 64;
/** What a loop gives back to the event loop for, now and then. */
const TURN = () => new Promise<void>((resolve) => setImmediate(resolve));

/** One actor, and what its callers know of it. */
interface Known {
  readonly tally: ActorRef<Tally>;
  /** How much was added at most. */
  tried: number;
  /** The largest sum that was acknowledged as saved. */
  saved: number;
}

/** What has happened. */
interface Figures {
  answered: number;
  lost: number;
  readonly wrong: string[];
}

/** Adds to random actors until time is up; a third of the calls save. */
async function call(
  actors: readonly Known[],
  random: (below: number) => number,
  isOver: () => boolean,
  figures: Figures,
): Promise<void> {
  while (!isOver()) {
    const known = actors[random(actors.length)]!;
    const isSaved = random(3) === 0;
    const floor = known.saved;
    known.tried++;
    try {
      const sum = isSaved ? await known.tally.addAndSave(1) : await known.tally.add(1);
      figures.answered++;
      if (sum <= floor) figures.wrong.push(`${uidOf(known)} says ${sum} after ${floor} was saved`);
      if (isSaved) known.saved = Math.max(known.saved, sum);
    } catch (error) {
      // A save that was under way when the pool died is one of its calls.
      if (!(error instanceof PoolLostError)) figures.wrong.push(`${uidOf(known)}: ${error}`);
      figures.lost++;
      await TURN();
    }
  }
}

function uidOf({ tally }: Known): string {
  return addressOf(tally).uid;
}

/** Ends a random pool, and waits until it is there again. */
async function kill(
  host: Host,
  actors: readonly Known[],
  random: (below: number) => number,
): Promise<void> {
  const victim = actors[random(actors.length)]!.tally;
  const down = victim.wait().catch((error) => error);
  victim.crash.tell();
  assert(await down instanceof PoolLostError);
  await host.waitPoolRecovered(addressOf(victim).pool, { timeoutMs: 60_000 });
}

/** What each of its pools says, however long a busy machine takes for that. */
async function inspected(host: Host): Promise<readonly PoolInspection[]> {
  for (;;) {
    const { pools } = await host.inspect();
    if (pools.every(({ responding }) => responding)) return pools;
  }
}

/** Files of this process that are open: in the suite, where other tests have theirs meanwhile, of this folder alone. */
function openFiles(folder: string): number {
  const open = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => targetOf(name));
  return open.filter((target) => IS_ALONE || target?.startsWith(folder)).length;
}

/** What a file descriptor stands for; `undefined` if it has been closed since. */
function targetOf(fd: string): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

/** A host under load while its pools die. */
async function run(path: string): Promise<Figures & { ups: PoolRecoveredEvent[] }> {
  const ups: PoolRecoveredEvent[] = [];
  const gaveUp: GiveUpEvent[] = [];
  await using host = await startHost({
    pools: [workerPool({ count: POOLS })],
    debug: false,
    onDeadLetter: () => {},
    state: { store: sqliteStore({ path, survives: "process" }) },
    recovery: {
      maxRestarts: 1000,
      waitMs: 60_000,
      backoffMs: 10,
      maxBackoffMs: 100,
      onPoolRecovered: (event) => void ups.push(event),
      onGiveUp: (event) => void gaveUp.push(event),
    },
  });
  const actors = await Promise.all(Array.from({ length: ACTORS }, async (_, i): Promise<Known> => {
    const place = onPool(1 + i % POOLS);
    const options = { uid: `t${i}`, place, snapshot: { every: 10 } };
    return { tally: await host.createActor(Tally, [0], options), tried: 0, saved: 0 };
  }));
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = randomNumbers(seed);
  const figures: Figures = { answered: 0, lost: 0, wrong: [] };
  const end = performance.now() + DURATION_MS;
  let kills = 0;
  const isOver = () => performance.now() >= end && kills >= DURATION_MS / KILL_MS;
  const callers = Array.from({ length: CALLERS }, () => call(actors, random, isOver, figures));
  while (!isOver()) {
    const next = Math.min(end, performance.now() + KILL_MS);
    await kill(host, actors, random);
    kills++;
    const left = Math.max(0, next - performance.now());
    await new Promise((resolve) => setTimeout(resolve, left));
  }
  await Promise.all(callers);

  const sums = await Promise.all(actors.map(({ tally }) => tally.get()));
  sums.forEach((sum, i) => {
    const { saved, tried } = actors[i]!;
    assert(
      sum >= saved && sum <= tried,
      `t${i} has ${sum}, saved ${saved}, tried ${tried} (${seed})`,
    );
  });
  const pools = await inspected(host);
  const uids = pools.flatMap(({ actors }) => actors.map(({ address }) => address.uid));
  assert.equal(uids.length, ACTORS);
  assert.equal(new Set(uids).size, ACTORS, "each is there once");
  const each = ACTORS / POOLS;
  assert.deepEqual(pools.map(({ pool }) => pool.actors), [0, each, each, each, each]);
  // The save of the last messages may be on its way.
  assert(pools.every(({ pendingCalls }) => pendingCalls <= ACTORS));
  assert.deepEqual(gaveUp, []);
  assert.equal(host.abandonedThreads, 0);
  assert.equal(ups.length, kills);
  return { ...figures, ups };
}

Deno.test("chaos: pools are killed at random under full load, and what was saved is never lost", async () => {
  const folder = await Deno.makeTempDir({ prefix: "dramatis-chaos-" });
  try {
    const before = openFiles(folder);
    const memory = Deno.memoryUsage().heapUsed;
    const { answered, lost, wrong, ups } = await run(`${folder}/state.db`);
    assert.deepEqual(wrong, []);
    assert(answered > 100, `${answered} calls were answered`);
    for (const { actors, restored } of ups) {
      assert(restored.length <= actors && actors <= ACTORS / POOLS);
      assert(restored.every(({ ageMs }) => ageMs < 120_000));
    }
    assert(ups.at(-1)!.restored.length > 0);
    const open = openFiles(folder);
    assert(open <= before + (IS_ALONE ? 2 : 0), `${open} files are open, ${before} were`);
    const grown = (Deno.memoryUsage().heapUsed - memory) / 2 ** 20;
    // Nothing has been collected, perhaps; what is kept of every call would be more.
    assert(grown < 256, `${grown} MiB more are in use`);
    const ms = ups.map(({ ms }) => ms).sort((a, b) => a - b);
    // deno-lint-ignore no-console
    console.log(
      `${answered} calls answered, ${lost} lost, ${ups.length} pools killed, ` +
        `back in ${Math.round(ms[Math.floor(ms.length / 2)]!)} ms (median)`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
