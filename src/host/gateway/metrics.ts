import { formatHostId } from "../../core/address.ts";
import type { ActorInspection, HostInspection, PoolInspection } from "../../debug/inspection.ts";
import { deviceMetrics } from "./device_metrics.ts";
import type { Metric, Sample } from "./prometheus.ts";
import { Totals, type TypeTotals } from "./totals.ts";

/** What the gateway itself counts. */
export interface GatewayState {
  readonly requests: number;
  readonly links: number;
  readonly answered: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
}

/** What the process uses, in bytes. */
export interface MemoryUse {
  readonly rss: number;
  readonly heapUsed: number;
}

/** Types with a gauge of their own. */
const TYPES = 256;

/** A host's numbers: of each type, pool and reason, never of each actor, so that there is a bound to them. */
export class HostMetrics {
  readonly #totals = new Totals();

  /** All of them, as they are now. */
  read(host: HostInspection, gateway: GatewayState, memory: MemoryUse): Metric[] {
    return [
      ...hostMetrics(host, memory),
      ...poolMetrics(host.pools),
      ...deviceMetrics(host.pools),
      ...actorMetrics(host.pools),
      ...this.#totalsOf(host.pools),
      ...gatewayMetrics(gateway),
    ];
  }

  #totalsOf(pools: readonly PoolInspection[]): Metric[] {
    const totals = [...this.#totals.update(pools)];
    const counter = (name: string, help: string, value: (sum: TypeTotals) => number): Metric => ({
      name: `dramatis_actor_${name}_total`,
      type: "counter",
      help,
      samples: totals.map(([type, sum]) => [{ type }, value(sum)]),
    });
    return [
      counter("messages", "Messages that actors have begun, by type.", ({ messages }) => messages),
      counter("calls", "Times that methods were called, by type.", ({ calls }) => calls),
      counter("errors", "Calls that have failed, by type.", ({ errors }) => errors),
      counter(
        "wait_seconds",
        "Time that messages have waited for their actor, estimated, by type.",
        ({ waitMs }) => waitMs / 1000,
      ),
      counter(
        "run_seconds",
        "Time from the beginning of messages to their end, estimated, by type.",
        ({ runMs }) => runMs / 1000,
      ),
    ];
  }
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name: `dramatis_${name}`, type: "gauge", help, samples };
}

function hostMetrics(host: HostInspection, { rss, heapUsed }: MemoryUse): Metric[] {
  const { id, abandonedThreads, deadLetters } = host;
  const reasons = Object.entries(deadLetters.byReason);
  return [
    gauge("host_info", "Always 1; says which host it is.", [[{ host: formatHostId(id) }, 1]]),
    gauge("host_resident_memory_bytes", "Memory of the host's process.", [[{}, rss]]),
    gauge("host_heap_bytes", "JavaScript heap of the host's own isolate.", [[{}, heapUsed]]),
    gauge("host_abandoned_threads", "Threads of workers that did not answer and were given up.", [
      [{}, abandonedThreads],
    ]),
    {
      name: "dramatis_dead_letters_total",
      type: "counter",
      help: "Messages that nobody waited for and that failed or found nobody, by error.",
      samples: reasons.map(([reason, count]) => [{ reason }, count]),
    },
  ];
}

function poolMetrics(pools: readonly PoolInspection[]): Metric[] {
  const each = (
    name: string,
    help: string,
    value: (pool: PoolInspection) => number | null,
  ): Metric => {
    const samples = pools.flatMap((pool): Sample[] => {
      const number = value(pool);
      return number === null ? [] : [[{ pool: pool.pool.name }, number]];
    });
    return gauge(`pool_${name}`, help, samples);
  };
  const info = pools.map(({ pool }): Sample => {
    const { name, kind, device } = pool;
    return [{ pool: name, kind, device: device.kind, device_name: device.name }, 1];
  });
  return [
    gauge("pool_info", "Always 1; says what each pool is.", info),
    each("actors", "Actors in each pool.", ({ pool }) => pool.actors),
    each("responding", "Whether each pool answers.", ({ responding }) => responding ? 1 : 0),
    each(
      "loop_lag_seconds",
      "How long each pool's event loop took to answer when last asked.",
      ({ lagMs }) => lagMs === null ? null : lagMs / 1000,
    ),
    each(
      "pending_calls",
      "Calls made in each pool that wait for others.",
      (pool) => pool.pendingCalls,
    ),
    each("streams", "Streams produced or read in each pool.", ({ streams }) => streams),
  ];
}

function actorMetrics(pools: readonly PoolInspection[]): Metric[] {
  const byType = Map.groupBy(pools.flatMap(({ actors }) => actors), ({ type }) => type);
  const types = [...byType].sort(([, a], [, b]) => b.length - a.length).slice(0, TYPES);
  const each = (
    name: string,
    help: string,
    value: (actors: readonly ActorInspection[]) => number,
  ): Metric => gauge(name, help, types.map(([type, actors]) => [{ type }, value(actors)]));
  return [
    each("actors", "Actors, by type.", (actors) => actors.length),
    each(
      "actor_queued_messages",
      "Messages that wait for their actor, by type.",
      (actors) => sum(actors, ({ queued }) => queued),
    ),
    each(
      "actor_running_messages",
      "Messages that have begun and wait, by type.",
      (actors) => sum(actors, ({ running }) => running.length),
    ),
    each("actor_longest_queue_messages", "The longest queue that one actor had, by type.", (
      actors,
    ) => actors.reduce((most, { counters }) => Math.max(most, counters.longestQueue), 0)),
  ];
}

function gatewayMetrics({ requests, links, answered, refused }: GatewayState): Metric[] {
  return [
    gauge("gateway_requests", "Requests under way.", [[{}, requests]]),
    gauge("gateway_links", "Links that other hosts have opened and that are open.", [[{}, links]]),
    {
      name: "dramatis_gateway_answers_total",
      type: "counter",
      help: "Requests that were answered, by status.",
      samples: Object.entries(answered).map(([status, count]) => [{ status }, count]),
    },
    {
      name: "dramatis_gateway_refusals_total",
      type: "counter",
      help: "Requests that were refused at the door, by reason.",
      samples: Object.entries(refused).map(([reason, count]) => [{ reason }, count]),
    },
  ];
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
