/** Runs one test in every kind of place that an actor can live in. */
import {
  type Actor,
  type ActorRef,
  type ActorSource,
  type CreateOptions,
  type DeadLetter,
  type Host,
  type HostOptions,
  onPool,
  type Placement,
  type PoolDescription,
  type PoolSpec,
  processPool,
  startHost,
  workerPool,
} from "@dramatis/dramatis";
import { Counter } from "../fixtures/actors.ts";

/** The module whose actors other hosts may make. */
export const ACTORS = new URL("../fixtures/actors.ts", import.meta.url).href;

/** All of them. */
const MODULES = [
  "actors.ts",
  "buffer_actors.ts",
  "linked_actors.ts",
  "debug_actors.ts",
  "making_actors.ts",
  "message_actors.ts",
  "stream_actors.ts",
  "stateless_actors.ts",
].map((
  file,
) => new URL(`../fixtures/${file}`, import.meta.url).href);

/** The main pool, a worker pool, a worker pool of another host, a process pool. */
export type PlaceName = "main" | "worker" | "remote" | "process";

/** Where tests run; processes take long to start, and most of what they do is done by others too. */
const PLACES = (Deno.env.get("DRAMATIS_TEST_PLACES") ?? "main,worker,remote").split(
  ",",
) as PlaceName[];

/** Milliseconds after which what a test has left fails it. */
const PATIENCE_MS = 60_000;

/** A host that calls, and a place where the actors of a test live. */
export class Stage implements AsyncDisposable {
  readonly pool: PoolDescription;
  readonly #hosts: Host[];
  readonly #letters: Letters;

  constructor(hosts: Host[], letters: Letters, pool: PoolDescription) {
    this.#hosts = hosts;
    this.#letters = letters;
    this.pool = pool;
  }

  /** The host of the test's own calls. */
  get host(): Host {
    return this.#hosts[0]!;
  }

  /** The host of the place: the same unless that is remote. */
  get owner(): Host {
    return this.#hosts.at(-1)!;
  }

  /** Whether the place is in the process of the test, and shares memory with it. */
  get sharesMemory(): boolean {
    return this.host === this.owner && this.pool.kind !== "process";
  }

  /** The place, for `createActor`. */
  get place(): Placement {
    return onPool(this.pool);
  }

  /** Makes an actor in the place. */
  create<A extends Actor, P extends unknown[]>(
    source: ActorSource<A, P>,
    args: NoInfer<P>,
    options: CreateOptions<Placement> = {},
  ): Promise<ActorRef<A>> {
    return this.host.createActor(source, args, { place: this.place, ...options });
  }

  /** How many dead letters nobody has asked for. */
  get letters(): number {
    return this.#letters.size;
  }

  /** The next dead letter of either host. */
  letter(): Promise<DeadLetter> {
    return this.#letters.next();
  }

  /** Ends what a test has left, and all that is on its way, for the next one. */
  async clear(): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (const host of this.#hosts) {
      while (true) {
        const { pools } = await host.inspect();
        const left = pools.flatMap(({ actors }) => actors.map(({ address }) => address.uid));
        const streams = pools.reduce((sum, pool) => sum + pool.streams, 0);
        if (left.length + streams === 0) break;
        if (performance.now() > deadline) {
          throw new Error(`A test has left ${streams} streams and the actors ${left.join(", ")}`);
        }
        // One may end by itself meanwhile.
        await Promise.allSettled(left.map((uid) => host.killActor(uid)));
      }
    }
    // What was sent before has come when this has.
    const last = await this.create(Counter, []);
    await last.get();
    await this.host.destroyActor(last);
    this.#letters.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#hosts) await host.stop();
  }
}

/** Dead letters as they come. */
export class Letters {
  readonly #come: DeadLetter[] = [];
  readonly #waiting: ((letter: DeadLetter) => void)[] = [];

  /** For `onDeadLetter`. */
  readonly take = (letter: DeadLetter): void => {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#come.push(letter);
    else waiting(letter);
  };

  /** How many nobody has asked for. */
  get size(): number {
    return this.#come.length;
  }

  /** Forgets those that nobody has asked for. */
  clear(): void {
    this.#come.length = 0;
  }

  next(): Promise<DeadLetter> {
    const letter = this.#come.shift();
    return letter === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(letter);
  }
}

/** What the hosts of a stage have. */
export interface StageOptions extends HostOptions {
  /** Whether the host that calls has a worker where the place is not in it: a start takes its time. @default false */
  readonly worker?: boolean;
  /** Whether the test has hosts of its own: it counts what they have done, or ends their pools. @default false */
  readonly own?: boolean;
}

/**
 * Opens the stage for one place; the caller disposes of it.
 *
 * @param options What the hosts have beside.
 */
export async function openStage(
  name: PlaceName,
  { worker = false, own: _, ...options }: StageOptions = {},
): Promise<Stage> {
  const letters = new Letters();
  const common = { onDeadLetter: letters.take, ...options };
  const beside = worker ? [workerPool({ count: 1 })] : [];
  switch (name) {
    case "main": {
      const host = await startHost({ pools: beside, ...common });
      return new Stage([host], letters, host.pools()[0]!);
    }
    case "worker":
    case "process": {
      const pool = name === "worker" ? workerPool({ count: 1 }) : processPool();
      const host = await startHost({ pools: [pool], ...common });
      return new Stage([host], letters, host.pools()[1]!);
    }
    case "remote": {
      const [host, owner] = await startTwoHosts(common, beside);
      return new Stage([host, owner], letters, owner.pools()[1]!);
    }
  }
}

/**
 * Two hosts in this process, linked over a socket; the second makes the fixtures' actors, in a worker too.
 *
 * @param pools Those of the first, unless the options say.
 */
export async function startTwoHosts(
  options: HostOptions = {},
  pools: PoolSpec[] = [workerPool({ count: 1 })],
): Promise<[Host, Host]> {
  const token = crypto.randomUUID();
  const owner = await startHost({
    pools: [workerPool({ count: 1 })],
    ...options,
    token,
    listen: { port: 0 },
    modules: MODULES,
  });
  try {
    const host = await startHost({
      pools,
      ...options,
      token,
      modules: MODULES,
      join: [`ws://${owner.address}`],
    });
    return [host, owner];
  } catch (error) {
    await owner.stop();
    throw error;
  }
}

/** A test of an actor somewhere. */
interface SharedTest {
  readonly name: string;
  readonly body: (stage: Stage) => Promise<void>;
}

/** The tests of a file that are on one stage after the other; every file has this module to itself. */
const shared = new Map<string, SharedTest[]>();

/**
 * Registers a test once for each place. Those of a file share the stage of a place, which is cleared
 * after each, unless a test has options that only its own hosts can have.
 */
export function testEverywhere(
  name: string,
  body: (stage: Stage) => Promise<void>,
  options: StageOptions = {},
): void {
  for (const place of PLACES) {
    const { worker = false, ...rest } = options;
    if (Object.keys(rest).length === 0) {
      share(place, worker, { name: `${name} (${place})`, body });
      continue;
    }
    Deno.test(`${name} (${place})`, async () => {
      await using stage = await openStage(place, options);
      await body(stage);
    });
  }
}

function share(place: PlaceName, worker: boolean, test: SharedTest): void {
  const title = worker && place !== "worker" ? `${place}, and a worker` : place;
  const known = shared.get(title);
  if (known !== undefined) return void known.push(test);
  const tests = [test];
  shared.set(title, tests);
  Deno.test(`in ${title}`, (context) =>
    runShared(context, tests, () => openStage(place, { worker })));
}

/** Runs tests as steps; one that fails, or leaves something, costs the stage. */
async function runShared(
  context: Deno.TestContext,
  tests: readonly SharedTest[],
  open: () => Promise<Stage>,
): Promise<void> {
  let stage: Stage | undefined;
  for (const { name, body } of tests) {
    const passed = await context.step({
      name,
      fn: async () => {
        stage ??= await open();
        await body(stage);
        await stage.clear();
      },
      // The hosts go on from step to step: the sanitizers look at the whole test.
      sanitizeOps: false,
      sanitizeResources: false,
    });
    if (passed) continue;
    await stage?.[Symbol.asyncDispose]();
    stage = undefined;
  }
  await stage?.[Symbol.asyncDispose]();
}
