/**
 * What each placement policy does, in a few lines each: it refuses pools, or scores them, or both, and
 * may give an actor something to itself.
 */
import { type HostId, MAIN_POOL, samePool } from "../core/address.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { Rules, SettledPolicy } from "./custom_policy.ts";
import { deviceNeed, deviceRank, deviceReason, deviceRefusal } from "./device_policy.ts";
import type { Need } from "./leases.ts";
import type { Policy } from "./policy.ts";

/** A policy as it is applied in one decision. */
export interface Judge extends Rules {
  /** What is to be said of the chosen pool; empty if the policy's name says it all. */
  remark?(pool: PoolDescription): string;
}

/** What policies may look at beside a pool. */
export interface View {
  /** All pools, those that will not do too. */
  readonly pools: readonly PoolDescription[];
  /** When a pool was chosen last: a number that grows, 0 if it never was. */
  turnOf(pool: PoolDescription): number;
  /** From 0 up to 1. */
  random(): number;
}

/** Why a pool will not do for a policy that names a host. */
const ELSEWHERE = "it is on another host";

/** How a policy judges. */
export function judgeOf(policy: Policy, view: View): Judge {
  switch (policy.policy) {
    case "onPool":
      return {
        refuse({ host, pool, name }) {
          if (policy.host !== undefined && policy.host !== host) return ELSEWHERE;
          const isIt = policy.pool === pool || policy.pool === name;
          return isIt ? undefined : `it is not ${policy.pool}`;
        },
      };
    case "onHost":
      return { refuse: ({ host }) => policy.host === host ? undefined : ELSEWHERE };
    case "anyHost":
      return {};
    case "mainPool":
      return { refuse: ({ pool }) => pool === MAIN_POOL ? undefined : "it is not the main pool" };
    case "random":
      return { score: () => view.random() };
    case "randomWorker":
      return {
        refuse: ({ kind }) => kind === "worker" ? undefined : `it is a ${kind} pool`,
        score: () => view.random(),
      };
    case "poolIndex":
      return indexJudge(policy.index, view);
    case "label":
      return { refuse: (pool) => labelRefusal(policy.label, pool) };
    case "idleLabel":
      return {
        refuse: (pool) =>
          labelRefusal(policy.label, pool) ??
            (pool.held?.marks.includes(markOf(policy))
              ? `an actor is there with the mark ${policy.mark}`
              : undefined),
      };
    case "leastLoaded":
      return LEAST_LOADED;
    case "roundRobin":
      return { score: mainLast((pool) => view.turnOf(pool)) };
    case "spread": {
      const actorsOn = countByHost(view.pools);
      return { score: mainLast(({ host, actors }) => actorsOn(host) * MOST_ACTORS + actors) };
    }
    case "pack": {
      const { perPool = Infinity } = policy;
      const actorsOn = countByHost(view.pools);
      return {
        refuse: ({ actors }) => actors < perPool ? undefined : `it has ${actors} actors`,
        score: mainLast(({ host, actors }) => -(actorsOn(host) * MOST_ACTORS + actors)),
      };
    }
    case "near": {
      const hosts = new Set(policy.pools.map(({ host }) => host));
      const isIt = (pool: PoolDescription) => policy.pools.some((one) => samePool(one, pool));
      return { score: (pool) => isIt(pool) ? 0 : hosts.has(pool.host) ? 1 : 2 };
    }
    case "byHash": {
      const key = hash(policy.key);
      return { score: mainLast(({ host, pool }) => mix(key ^ mix(host ^ mix(pool)))) };
    }
    case "prefer":
      return wishJudge(policy.wish, view);
    case "device":
      return {
        refuse: (pool) => deviceRefusal(policy, pool),
        score: (pool) => deviceRank(policy, pool),
        remark: (pool) => deviceReason(policy, pool),
      };
    case "custom":
      return policy;
    case "settled":
      return settledJudge(policy);
    default:
      policy satisfies never;
      return { refuse: () => "its policy is unknown" };
  }
}

/** What a policy gives an actor to itself; `undefined` if nothing. */
export function needOf(policy: Policy, pool: PoolDescription): Need | undefined {
  if (policy.policy === "device") return deviceNeed(policy, pool);
  if (policy.policy !== "idleLabel") return undefined;
  return { marks: [markOf(policy)], memoryBytes: 0, exclusive: false };
}

/** Whether whoever has the pool must look at a policy again: it gives what others may have got meanwhile. */
export function isClaim({ policy }: Policy): boolean {
  return policy === "idleLabel" || policy === "device";
}

/** Whether a policy chooses the kind of pool itself, so that the default choice does not apply. */
export function choosesKind({ policy }: Policy): boolean {
  return policy === "onPool" || policy === "mainPool" || policy === "label" ||
    policy === "idleLabel" || policy === "device" || policy === "randomWorker" ||
    policy === "poolIndex";
}

/** Whether a policy lets pools of other hosts in. */
export function isWide(policy: Policy): boolean {
  return policy.policy === "anyHost" || policy.policy === "onHost" || policy.policy === "near" ||
    (policy.policy === "onPool" && policy.host !== undefined);
}

/** Whether a policy tells all pools apart, so that their load does not matter. */
export function decides({ policy }: Policy): boolean {
  return policy === "leastLoaded" || policy === "random" || policy === "randomWorker" ||
    policy === "roundRobin" || policy === "byHash";
}

/** More actors than a host ever has. */
const MOST_ACTORS = 2 ** 40;

/** Parts of a thread's time that count as equal: less differs from one half second to the next. */
const BUSY_STEPS = 4;

function bucketOf({ busy = 0 }: PoolDescription): number {
  return Math.floor(busy * BUSY_STEPS);
}

const LEAST_LOADED: Judge = {
  score: mainLast((pool) => bucketOf(pool) * MOST_ACTORS + pool.actors),
  remark: load,
};

function load({ actors, busy, ageMs }: PoolDescription): string {
  const count = actors === 1 ? "1 actor" : `${actors} actors`;
  const share = busy === undefined ? "" : `, busy for ${Math.round(100 * busy)} % of the time`;
  const age = ageMs === undefined ? "" : `, as it said ${Math.round(ageMs)} ms ago`;
  return `it has ${count}${share}${age}`;
}

/** A main pool is taken only if there is no other. */
function mainLast(score: (pool: PoolDescription) => number): (pool: PoolDescription) => number {
  return (pool) => pool.kind === "main" ? Infinity : score(pool);
}

function labelRefusal(label: string, { labels }: PoolDescription): string | undefined {
  if (labels.includes(label)) return undefined;
  return labels.length === 0 ? "its label is not set" : `its label is ${labels.join(", ")}`;
}

function markOf({ label, mark }: { readonly label: string; readonly mark: string }): string {
  return JSON.stringify([label, mark]);
}

function indexJudge(index: number, { pools }: View): Judge {
  const numbers = new Map<HostId, number[]>();
  for (const { host, pool } of pools) {
    const known = numbers.get(host);
    if (known === undefined) numbers.set(host, [pool]);
    else known.push(pool);
  }
  const indexed = new Map(
    [...numbers].map(([host, all]) => [host, all.sort((a, b) => a - b)[index]]),
  );
  return {
    refuse: ({ host, pool }) =>
      indexed.get(host) === pool ? undefined : `it is not number ${index}`,
  };
}

function countByHost(pools: readonly PoolDescription[]): (host: HostId) => number {
  const counts = new Map<HostId, number>();
  for (const { host, actors } of pools) counts.set(host, (counts.get(host) ?? 0) + actors);
  return (host) => counts.get(host) ?? 0;
}

function wishJudge(wish: Policy, view: View): Judge {
  const { refuse, remark } = judgeOf(wish, view);
  return {
    score: (pool) => refuse?.(pool) === undefined ? 0 : 1,
    remark(pool) {
      const reason = refuse?.(pool);
      return reason === undefined ? remark?.(pool) ?? "" : `against the wish: ${reason}`;
    },
  };
}

function settledJudge({ name, verdicts }: SettledPolicy): Judge {
  const known = new Map(verdicts.map(({ host, pool, verdict }) => [`${host}/${pool}`, verdict]));
  const find = ({ host, pool }: PoolDescription) => known.get(`${host}/${pool}`);
  return {
    refuse(pool) {
      const verdict = find(pool);
      if (typeof verdict === "string") return verdict;
      return verdict === undefined ? `it was not there when ${name} was asked` : undefined;
    },
    score: (pool) => find(pool) as number,
  };
}

/** A hash of a text: FNV-1a, by its UTF-16 units. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** Spreads the bits of a number over all of them: MurmurHash3's last step. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
