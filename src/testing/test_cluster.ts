import { peersOf } from "../host/host.ts";
import { type MemoryLink, memoryLinks } from "../link/memory.ts";
import {
  type ProbedHost,
  startProbedHost,
  type TestHost,
  type TestHostOptions,
} from "./test_host.ts";

/** How linked hosts for a test are started; the options of a host hold for each. */
export interface TestClusterOptions extends TestHostOptions {
  /**
   * How many.
   * @default 2
   */
  hosts?: number;
}

/** Hosts in this isolate, each linked with every other. Disposing of it ends all. */
export interface TestCluster extends AsyncDisposable {
  /** In the order in which they were started. */
  readonly hosts: readonly [TestHost, TestHost, ...TestHost[]];
  /**
   * The link between two of them, whichever is named first.
   *
   * @throws {TypeError} if they are not two hosts of this cluster.
   */
  link(a: TestHost, b: TestHost): TestLink;
}

/** The link between two hosts, with handles for trouble. */
export interface TestLink {
  /**
   * Holds everything back, in both directions, until {@linkcode TestLink.lift}: neither host hears of the
   * other, and after three heartbeats each takes the other to be lost.
   */
  fence(): void;
  /** Lets everything that was held back go on, in order. */
  lift(): void;
  /** Cuts it: what is on its way is lost, and what waits for the other host rejects with `HostLostError`. */
  drop(): void;
  /**
   * Links the hosts again once they have lost each other.
   *
   * @throws {LinkRefusedError} if they are linked.
   */
  connect(): Promise<void>;
}

/**
 * Starts hosts that are linked without sockets. All else is as between machines: they introduce
 * themselves, send heartbeats, and frames are really encoded.
 *
 * @throws {RangeError} if there are to be less than two.
 * @throws what `startHost` throws.
 * @example
 * ```ts
 * import { Actor, actor } from "@dramatis/dramatis";
 * import { ManualClock, startTestCluster } from "@dramatis/dramatis/testing";
 *
 * @actor(import.meta)
 * class Greeter extends Actor {
 *   greet(name: string): string {
 *     return `hello, ${name}`;
 *   }
 * }
 *
 * const clock = new ManualClock();
 * await using cluster = await startTestCluster({ clock });
 * const [a, b] = cluster.hosts;
 * await b.host.createActor(Greeter, [], { uid: "greeter" });
 * const greeter = await a.host.actorRef<Greeter>("greeter", b.host.id);
 * console.log(await greeter.greet("you")); // hello, you
 *
 * cluster.link(a, b).fence();
 * const lost = greeter.greet("anyone").catch((error) => error.name);
 * await clock.advance(3000);
 * console.log(await lost); // HostLostError
 * ```
 */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { hosts: count = 2, ...given } = options;
  if (!(Number.isSafeInteger(count) && count >= 2)) {
    throw new RangeError(`hosts is a whole number from 2 up, got ${count}`);
  }
  const cluster = new LinkedHosts();
  try {
    for (let i = 0; i < count; i++) await cluster.add(given);
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  return cluster;
}

class LinkedHosts implements TestCluster {
  readonly #hosts: ProbedHost[] = [];
  readonly #links: HostLink[] = [];

  get hosts(): TestCluster["hosts"] {
    return [...this.#hosts] as readonly TestHost[] as TestCluster["hosts"];
  }

  link(a: TestHost, b: TestHost): TestLink {
    const found = this.#links.find((link) => link.joins(a, b));
    if (found === undefined) throw new TypeError("Expected two different hosts of this cluster");
    return found;
  }

  /** Starts one more and links it with those that are there. */
  async add(options: TestHostOptions): Promise<void> {
    const host = await startProbedHost(options);
    const others = [...this.#hosts];
    this.#hosts.push(host);
    for (const other of others) {
      const link = new HostLink(other, host);
      await link.connect();
      this.#links.push(link);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What waits for another host, or for a probe there, would hold up the end of its own.
    for (const link of this.#links) link.lift();
    for (const host of this.#hosts) await host.endProbes();
    for (const { host } of this.#hosts) await host.stop();
  }
}

class HostLink implements TestLink {
  readonly #a: TestHost;
  readonly #b: TestHost;
  #end: MemoryLink | undefined;

  constructor(a: TestHost, b: TestHost) {
    this.#a = a;
    this.#b = b;
  }

  /** Whether it is the one between these two. */
  joins(a: TestHost, b: TestHost): boolean {
    return (a === this.#a && b === this.#b) || (a === this.#b && b === this.#a);
  }

  fence(): void {
    this.#end?.fence();
  }

  lift(): void {
    this.#end?.lift();
  }

  drop(): void {
    this.#end?.drop();
  }

  async connect(): Promise<void> {
    const [a, b] = [peersOf(this.#a.host), peersOf(this.#b.host)];
    const [end, other] = memoryLinks(a.codec, b.codec);
    await Promise.all([a.greet(end), b.accept(other)]);
    this.#end = end;
  }
}
