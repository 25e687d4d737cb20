/** Batches, tells, streams and bulk, in a pool, across pools and across hosts. @module */
import {
  type ActorRef,
  mainPool,
  onPool,
  startHost,
  transfer,
  workerPool,
} from "@dramatis/dramatis";
import { startSecondHost } from "../examples/second_host.ts";
import { Sink } from "./bulk_actors.ts";
import { BarePort } from "./bare_port.ts";
import { rate, REPEATS, type Report } from "./harness.ts";

const MIB = 2 ** 20;

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
  const places = [
    ["same pool", mainPool()],
    ["across pools", onPool(1)],
    ["across hosts", onPool(pools[0]!)],
  ] as const;
  for (const [name, place] of places) {
    const sink = await host.createActor(Sink, [], { place });
    await many(report, name, sink);
    await streams(report, name, sink);
    await bulk(report, name, sink);
  }
  await bareBulk(report);
}

async function many(report: Report, name: string, sink: ActorRef<Sink>): Promise<void> {
  const items = Array.from({ length: 10_000 }, (_, i): [number] => [i]);
  const batches = await repeat(() => rate(items.length, () => sink.double.batch(items)));
  const isNear = name === "across pools";
  report.add(
    `batch of 10,000, ${name}`,
    "calls/s",
    batches,
    null,
    isNear ? ">= 2 M" : "-",
    (value) => !isNear || value >= 2e6,
  );
  const count = 100_000;
  const tells = await repeat(() =>
    rate(count, async () => {
      const before = await sink.count();
      for (let sent = 0; sent < count; sent += 5_000) {
        for (let i = 0; i < 5_000; i++) sink.note.tell(i);
        // The mailbox is bounded: its end is waited for, which also counts what has come.
        if (await sink.count() < before) throw new Error("tells were lost");
      }
      if (await sink.count() - before !== count) throw new Error("tells were lost");
    })
  );
  report.add(
    `tells handled, ${name}`,
    "msgs/s",
    tells,
    null,
    isNear ? ">= 1 M" : "-",
    (value) => !isNear || value >= 1e6,
  );
}

async function streams(report: Report, name: string, sink: ActorRef<Sink>): Promise<void> {
  for (const window of [1, 16, 64, 256]) {
    const count = window === 1 ? 5_000 : 100_000;
    const rates = await repeat(() =>
      rate(count, async () => {
        let seen = 0;
        for await (const _ of sink.items.with({ window })(count)) seen++;
        if (seen !== count) throw new Error("items were lost");
      })
    );
    const hasGoal = name === "across pools" && window === 64;
    report.add(
      `stream, window ${window}, ${name}`,
      "items/s",
      rates,
      null,
      hasGoal ? ">= 500 k" : "-",
      (value) => !hasGoal || value >= 5e5,
    );
  }
}

async function bulk(report: Report, name: string, sink: ActorRef<Sink>): Promise<void> {
  let own = new Uint8Array(64 * MIB).fill(7);
  const moves = await repeat(() =>
    duration(async () => {
      own = await sink.bounce(transfer(own)) as Uint8Array<ArrayBuffer>;
    })
  );
  const hasGoal = name === "across pools";
  report.add(
    `64 MiB moved there and back, ${name}`,
    "ms",
    moves,
    null,
    hasGoal ? "<= 2 ms" : "-",
    (ms) => !hasGoal || ms <= 2,
  );
  const bytes = new Uint8Array(64 * MIB).fill(7);
  const copies = await repeat(() => duration(() => sink.take(bytes)));
  report.add(`64 MiB copied, ${name}`, "ms", copies, null, "-", () => true);
}

/** What a bare structured clone of the same bytes to a worker and an answer cost. */
async function bareBulk(report: Report): Promise<void> {
  using port = new BarePort();
  const bytes = new Uint8Array(64 * MIB).fill(7);
  const times = await repeat(() => duration(() => port.send(bytes)));
  report.add("64 MiB there and back, bare port", "ms", times, null, "-", () => true);
}

async function repeat(measure: () => Promise<number>): Promise<number[]> {
  await measure();
  const values: number[] = [];
  for (let i = 0; i < REPEATS; i++) values.push(await measure());
  return values;
}

async function duration(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}
