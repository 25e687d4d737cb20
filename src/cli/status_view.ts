/** The cluster as text: what `status` shows. */
import { type Column, formatTable } from "./table.ts";

/** What `/api/v1/hosts` tells of a host. */
export interface HostRow {
  readonly id: string;
  readonly address: string | null;
  readonly state: string;
  readonly pools: number;
  readonly actors: number;
  readonly clients: number | null;
}

/** What `/api/v1/pools` tells of a pool. */
export interface PoolRow {
  readonly host: string;
  readonly pool: number;
  readonly name: string;
  readonly device: { readonly kind: string; readonly name: string };
  readonly labels?: readonly string[];
  readonly actors: number;
  /** Which part of the last half second its thread was busy. */
  readonly busy?: number | null;
  readonly responding: boolean;
  readonly lagMs?: number | null;
  readonly pendingCalls?: number;
  readonly streams?: number;
  readonly running?: readonly { readonly type: string; readonly method: string }[];
}

/** What `/api/v1/actors` tells of an actor. */
export interface ActorRow {
  readonly uid: string;
  readonly host: string;
  readonly pool: number;
  readonly type: string;
  readonly state: string;
  readonly queued: number;
  readonly running: readonly { readonly method: string }[];
  readonly counters: {
    readonly calls: number;
    readonly errors: number;
    readonly messages: number;
    readonly waitMs: number;
    readonly runMs: number;
  };
}

/** The cluster at one moment. */
export interface Snapshot {
  /** Milliseconds of a clock that only goes on. */
  readonly at: number;
  readonly hosts: readonly HostRow[];
  readonly pools: readonly PoolRow[];
  /** How many actors there are; `actors` may be fewer. */
  readonly total: number;
  readonly actors: readonly ActorRow[];
}

/**
 * The cluster as lines: hosts, pools, then the busiest actors.
 *
 * @param before An earlier moment, to tell how much was done since.
 * @param most Lines for actors.
 */
export function statusLines(now: Snapshot, before: Snapshot | undefined, most: number): string[] {
  const { hosts, pools, total } = now;
  const rates = ratesOf(now, before);
  const rateOf = (actor: ActorRow) => rates.get(keyOf(actor)) ?? 0;
  const busiest = now.actors.toSorted((a, b) =>
    b.queued - a.queued || rateOf(b) - rateOf(a) || b.counters.calls - a.counters.calls
  ).slice(0, most);
  const left = total - busiest.length;
  return [
    `${count(hosts.length, "host")}, ${count(pools.length, "pool")}, ${count(total, "actor")}`,
    "",
    ...formatTable(HOSTS, hosts),
    "",
    ...formatTable(POOLS, pools),
    "",
    ...(busiest.length === 0 ? [] : formatTable(actorColumns(pools, rateOf), busiest)),
    ...(left > 0 ? [`and ${left} more`] : []),
  ];
}

const HOSTS: readonly Column<HostRow>[] = [
  { heading: "HOST", cell: ({ id }) => id },
  { heading: "ADDRESS", cell: ({ address }) => address ?? "" },
  { heading: "STATE", cell: ({ state }) => state },
  { heading: "POOLS", align: "right", cell: ({ pools }) => pools },
  { heading: "ACTORS", align: "right", cell: ({ actors }) => actors },
  { heading: "CLIENTS", align: "right", cell: ({ clients }) => clients ?? "" },
];

const POOLS: readonly Column<PoolRow>[] = [
  { heading: "HOST", cell: ({ host }) => host },
  { heading: "POOL", cell: ({ name }) => name },
  {
    heading: "DEVICE",
    cell: ({ device: { kind, name } }) => kind === name ? kind : `${kind}, ${name}`,
  },
  { heading: "LABELS", cell: ({ labels = [] }) => labels.join(" ") },
  { heading: "ACTORS", align: "right", cell: ({ actors }) => actors },
  {
    heading: "BUSY",
    align: "right",
    cell: ({ busy }) => busy == null ? "" : `${Math.round(100 * busy)} %`,
  },
  { heading: "CALLS OUT", align: "right", cell: ({ pendingCalls }) => pendingCalls ?? "" },
  { heading: "STREAMS", align: "right", cell: ({ streams }) => streams ?? "" },
  { heading: "LAG", align: "right", cell: ({ lagMs }) => lagMs == null ? "" : time(lagMs) },
  { heading: "RUNS", cell: runs },
];

function runs({ responding, running = [] }: PoolRow): string {
  const what = [...new Set(running.map(({ type, method }) => `${type}.${method}`))].join(" ");
  return responding ? what : `does not answer ${what}`;
}

function actorColumns(
  pools: readonly PoolRow[],
  rateOf: (actor: ActorRow) => number,
): Column<ActorRow>[] {
  const names = new Map(pools.map(({ host, pool, name }) => [`${host} ${pool}`, name]));
  return [
    { heading: "ACTOR", cell: ({ uid }) => uid },
    { heading: "TYPE", cell: ({ type }) => type },
    { heading: "HOST", cell: ({ host }) => host },
    { heading: "POOL", cell: ({ host, pool }) => names.get(`${host} ${pool}`) ?? pool },
    { heading: "QUEUED", align: "right", cell: ({ queued }) => queued },
    { heading: "CALLS", align: "right", cell: ({ counters }) => counters.calls },
    { heading: "CALLS/S", align: "right", cell: (actor) => Math.round(rateOf(actor)) },
    { heading: "ERRORS", align: "right", cell: ({ counters }) => counters.errors },
    { heading: "WAIT", align: "right", cell: ({ counters }) => mean(counters, "waitMs") },
    { heading: "RUN", align: "right", cell: ({ counters }) => mean(counters, "runMs") },
    {
      heading: "RUNS",
      cell: ({ state, running }) =>
        state === "running" ? running.map(({ method }) => method).join(" ") : state,
    },
  ];
}

/** Calls a second of each actor since an earlier moment; a new one has done all of them since. */
function ratesOf(now: Snapshot, before: Snapshot | undefined): ReadonlyMap<string, number> {
  if (before === undefined) return new Map();
  const seconds = (now.at - before.at) / 1000;
  const counts = new Map(before.actors.map((actor) => [keyOf(actor), actor.counters.calls]));
  return new Map(now.actors.map((actor) => {
    const key = keyOf(actor);
    return [key, Math.max(0, actor.counters.calls - (counts.get(key) ?? 0)) / seconds];
  }));
}

function keyOf({ host, pool, uid }: ActorRow): string {
  return `${host} ${pool} ${uid}`;
}

function mean(counters: ActorRow["counters"], what: "waitMs" | "runMs"): string {
  return counters.messages === 0 ? "" : time(counters[what] / counters.messages);
}

/** Three digits and a unit. */
function time(ms: number): string {
  const [value, unit] = ms < 1 ? [ms * 1000, "µs"] : ms < 1000 ? [ms, "ms"] : [ms / 1000, "s"];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
