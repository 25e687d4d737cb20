/** Copies into the memory of other pools and hosts, each beside its bare primitive. @module */
import { type Host, onPool, type PoolDescription, startHost, workerPool } from "@dramatis/dramatis";
import { startSecondHost } from "../examples/second_host.ts";
import { BarePort } from "./bare_port.ts";
import { BareSocket } from "./bare_socket.ts";
import { Memory } from "./copy_actors.ts";
import { latencies, quantile, REPEATS, type Report, sideBySide } from "./harness.ts";

const MIB = 2 ** 20;
const BYTES = 64 * MIB;

/** Every measurement of this file. */
export async function copies(report: Report): Promise<void> {
  const token = crypto.randomUUID();
  await using second = await startSecondHost({
    workers: 0,
    token,
    modules: [new URL("./copy_actors.ts", import.meta.url).href],
  });
  await using host = await startHost({ pools: [workerPool({ count: 2 })], token });
  const { pools } = await host.join(second.url);
  const [main, worker, other] = host.pools();
  using port = new BarePort();
  await using socket = await BareSocket.open();
  const bytes = new Uint8Array(BYTES).fill(7);
  // There and back are two clones, one after the other.
  const clone = async () => await duration(() => port.send(bytes)) / 2;
  const send = () => duration(() => sendParts(socket, bytes));
  await fromMain(report, host, "main to worker", worker!, clone, 1.1);
  await fromWorker(report, host, "worker to main", worker!, main!, clone);
  await fromWorker(report, host, "worker to worker", worker!, other!, clone);
  await fromMain(report, host, "host to host", pools[0]!, send, 2);
}

async function fromMain(
  report: Report,
  host: Host,
  name: string,
  pool: PoolDescription,
  bare: () => Promise<number>,
  goal: number,
): Promise<void> {
  const memory = await host.createActor(Memory, [BYTES], { place: onPool(pool) });
  const ref = await memory.ref();
  const bytes = new Uint8Array(BYTES).fill(7);
  const copied = await sideBySide(() => duration(() => host.copyTo(bytes, ref)), bare);
  report.add(
    `64 MiB copied, ${name}`,
    "ms",
    copied.values,
    copied.baselines,
    `<= ${goal} x bare`,
    (_, ratio) => ratio <= goal,
  );
  const shared = new Uint8Array(new SharedArrayBuffer(BYTES)).fill(7);
  const sharedTimes = await repeat(() => duration(() => host.copyTo(shared, ref)));
  report.add(`64 MiB shared, copied, ${name}`, "ms", sharedTimes, null, "-", () => true);
  const small = bytes.subarray(0, 1024);
  const p50 = await repeat(async () =>
    quantile(await latencies(1_000, () => host.copyTo(small, ref)), 0.5)
  );
  report.add(`1 KiB copied, p50, ${name}`, "us", p50, null, "-", () => true);
  const pings: number[] = [];
  await repeat(async () => {
    let done = false;
    const copy = host.copyTo([bytes, bytes, bytes, bytes], [ref, ref, ref, ref])
      .finally(() => done = true);
    while (!done) pings.push(await duration(() => memory.ping()));
    await copy;
    return 0;
  });
  const median = quantile(pings, 0.5);
  report.add(
    `ping in a copy of 256 MiB, ${name}`,
    "ms",
    [median],
    null,
    "<= 20 ms",
    (v) => v <= 20,
  );
}

async function fromWorker(
  report: Report,
  host: Host,
  name: string,
  from: PoolDescription,
  to: PoolDescription,
  bare: () => Promise<number>,
): Promise<void> {
  const source = await host.createActor(Memory, [BYTES], { place: onPool(from) });
  const target = await host.createActor(Memory, [BYTES], { place: onPool(to) });
  const ref = await target.ref();
  const { values, baselines } = await sideBySide(() => source.copyTo(ref), bare);
  report.add(
    `64 MiB copied, ${name}`,
    "ms",
    values,
    baselines,
    "<= 1.1 x bare",
    (_, ratio) => ratio <= 1.1,
  );
}

/** A server refuses a message of 64 MiB. */
async function sendParts(socket: BareSocket, bytes: Uint8Array): Promise<void> {
  const parts: Promise<void>[] = [];
  for (let at = 0; at < bytes.length; at += MIB) {
    parts.push(socket.send(bytes.subarray(at, at + MIB)));
  }
  await Promise.all(parts);
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
