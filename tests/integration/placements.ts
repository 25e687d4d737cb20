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

/** The module whose actors other hosts may make. */
export const ACTORS = new URL("../fixtures/actors.ts", import.meta.url).href;

/** All of them. */
const MODULES = [
  "actors.ts",
  "buffer_actors.ts",
  "debug_actors.ts",
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

/** A host that calls, and a place where the actors of a test live. */
export class Stage implements AsyncDisposable {
  readonly #hosts: Host[];
  readonly #letters: Letters;
  readonly pool: PoolDescription;

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
}

/**
 * Opens the stage for one place; the caller disposes of it.
 *
 * @param options What the hosts have beside.
 */
export async function openStage(
  name: PlaceName,
  { worker = false, ...options }: StageOptions = {},
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

/** Registers a test once for each place. */
export function testEverywhere(
  name: string,
  body: (stage: Stage) => Promise<void>,
  options?: StageOptions,
): void {
  for (const place of PLACES) {
    Deno.test(`${name} (${place})`, async () => {
      await using stage = await openStage(place, options);
      await body(stage);
    });
  }
}
