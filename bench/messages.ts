/**
 * Batches, tells, streams and bulk, in a pool, across pools and across hosts, each beside the same work
 * by the bare primitive. @module
 */
import {
  type ActorRef,
  mainPool,
  onPool,
  share,
  startHost,
  transfer,
  workerPool,
} from "@dramatis/dramatis";
import { startSecondHost } from "../examples/second_host.ts";
import { BareCalls, type BareMessages, BarePosts, BareTexts } from "./bare_messages.ts";
import { Sink } from "./bulk_actors.ts";
import { breathe, rate, REPEATS, type Report, sideBySide } from "./harness.ts";

const MIB = 2 ** 20;
/** Batches in a row: one alone is over in a few milliseconds. */
const BATCHES = 20;
/** Runs before those that count: enough that both sides run optimised code. */
const WARM_UPS = 5;

/** Where the actor is, and what its figures are beside. */
interface Place {
  readonly name: string;
  readonly sink: ActorRef<Sink>;
  /** Another actor of the same pool. */
  readonly other: ActorRef<Sink>;
  readonly bare: BareMessages;
  /** The goals of DESIGN are for messages across pools. */
  readonly hasGoals: boolean;
  /** Whether memory can be shared with it. */
  readonly isNear: boolean;
}

/** Every measurement of this file for the three places. */
export async function messages(report: Report): Promise<void> {
  const token = crypto.randomUUID();
  await using second = await startSecondHost({
    workers: 0,
    token,
    modules: [new URL("./bulk_actors.ts", import.meta.url).href],
  });
  await using host = await startHost({ pools: [workerPool({ count: 1 })], token });
  const { pools } = await host.join(second.url);
  await using calls = new BareCalls();
  await using posts = new BarePosts();
  await using texts = await BareTexts.open();
  const places = [
    ["same pool", mainPool(), calls],
    ["across pools", onPool(1), posts],
    ["across hosts", onPool(pools[0]!), texts],
  ] as const;
  for (const [name, place, bare] of places) {
    const sink = await host.createActor(Sink, [], { place });
    const other = await host.createActor(Sink, [], { place });
    const hasGoals = name === "across pools";
    const here = { name, sink, other, bare, hasGoals, isNear: name !== "across hosts" };
    await batches(report, here);
    await tells(report, here);
    await streams(report, here);
    await bulk(report, here);
    await pings(report, here);
  }
}

async function batches(report: Report, { name, sink, bare, hasGoals }: Place): Promise<void> {
  const items = Array.from({ length: 10_000 }, (_, i): [number] => [i]);
  const many = (batch: () => Promise<unknown>) =>
    rate(BATCHES * items.length, async () => {
      for (let i = 0; i < BATCHES; i++) await batch();
    });
  const { values, baselines } = await warm(
    () => many(() => sink.double.batch(items)),
    () => many(() => bare.batch(items)),
  );
  report.add(
    `batch of 10,000, ${name}`,
    "calls/s",
    values,
    baselines,
    hasGoals ? ">= 2 M" : "-",
    (value) => !hasGoals || value >= 2e6,
  );
}

async function tells(report: Report, { name, sink, bare, hasGoals }: Place): Promise<void> {
  const count = 100_000;
  // The mailbox is bounded: the end of each part is waited for, which also counts what has come.
  const part = 5_000;
  const { values, baselines } = await warm(
    () =>
      rate(count, async () => {
        const before = await sink.count();
        for (let sent = 0; sent < count; sent += part) {
          for (let i = 0; i < part; i++) sink.note.tell(i);
          await sink.count();
        }
        if (await sink.count() - before !== count) throw new Error("tells were lost");
      }),
    () =>
      rate(count, async () => {
        for (let sent = 0; sent < count; sent += part) await bare.notes(part);
      }),
  );
  report.add(
    `tells handled, ${name}`,
    "msgs/s",
    values,
    baselines,
    hasGoals ? ">= 1 M" : "-",
    (value) => !hasGoals || value >= 1e6,
  );
}

async function streams(report: Report, { name, sink, bare, hasGoals }: Place): Promise<void> {
  for (const window of [1, 16, 64, 256]) {
    const count = window === 1 ? 5_000 : 100_000;
    const { values, baselines } = await warm(
      () =>
        rate(count, async () => {
          let seen = 0;
          for await (const _ of sink.items.with({ window })(count)) seen++;
          if (seen !== count) throw new Error("items were lost");
        }),
      () => rate(count, () => bare.items(count)),
    );
    const hasGoal = hasGoals && window === 64;
    report.add(
      `stream, window ${window}, ${name}`,
      "items/s",
      values,
      baselines,
      hasGoal ? ">= 500 k" : "-",
      (value) => !hasGoal || value >= 5e5,
    );
  }
}

async function bulk(report: Report, place: Place): Promise<void> {
  const { name, sink, bare, hasGoals, isNear } = place;
  const bytes = new Uint8Array(64 * MIB).fill(7);
  const copies = await sideBySide(
    () => duration(() => sink.take(bytes)),
    () => duration(() => bare.copy(bytes)),
  );
  report.add(
    `64 MiB copied, ${name}`,
    "ms",
    copies.values,
    copies.baselines,
    hasGoals ? "<= 1.11 x bare" : "-",
    (_, ratio) => !hasGoals || ratio <= 1.11,
  );
  let own = new Uint8Array(64 * MIB).fill(7);
  const { move } = bare;
  let bareOwn = new Uint8Array(move === null ? 0 : 64 * MIB).fill(7);
  const moves = await sideBySide(
    () =>
      duration(async () => {
        own = await sink.bounce(transfer(own)) as Uint8Array<ArrayBuffer>;
      }),
    () => duration(async () => move === null ? undefined : bareOwn = await move(bareOwn)),
  );
  report.add(
    `64 MiB moved there and back, ${name}`,
    "ms",
    moves.values,
    move === null ? null : moves.baselines,
    hasGoals ? "<= 2 ms" : "-",
    (ms) => !hasGoals || ms <= 2,
  );
  if (!isNear) return;
  const shared = share(new Uint8Array(new SharedArrayBuffer(64 * MIB)).fill(7));
  const shares = await sideBySide(
    () => duration(() => sink.take(shared)),
    () => Promise.resolve(0),
  );
  report.add(`64 MiB shared, ${name}`, "ms", shares.values, null, "-", () => true);
}

/** How long a small call takes to another actor of a pool while 64 MiB go there on the same link. */
async function pings(report: Report, { name, sink, other }: Place): Promise<void> {
  const bytes = new Uint8Array(64 * MIB).fill(7);
  const longest: number[] = [];
  for (let i = 0; i <= REPEATS; i++) {
    let isThere = false;
    const taken = sink.take(bytes).finally(() => isThere = true);
    const times: number[] = [];
    while (!isThere) times.push(await duration(() => other.count()));
    await taken;
    if (i > 0) longest.push(Math.max(...times));
  }
  const goal = "the longest <= 20 ms";
  report.add(`ping while 64 MiB come, ${name}`, "ms", longest, null, goal, (ms) => ms <= 20);
}

/** Two measurements that take turns, after enough of both. */
async function warm(
  subject: () => Promise<number>,
  baseline: () => Promise<number>,
): Promise<{ values: number[]; baselines: number[] }> {
  for (let i = 0; i < WARM_UPS; i++) {
    await subject();
    await baseline();
    await breathe();
  }
  return await sideBySide(subject, baseline);
}

async function duration(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}
