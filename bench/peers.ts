/**
 * Other libraries at the same work in the same run: `deno run --allow-all bench/main.ts --only peers`. Those
 * of npm are loaded when they are measured; Xoscar is if `DRAMATIS_XOSCAR_PYTHON` names a Python that has it.
 *
 * @module
 */
import { onPool, startHost, workerPool } from "@dramatis/dramatis";
import { Adder } from "./actors.ts";
import { inFlight, latencies, quantile, rate, REPEATS, type Report } from "./harness.ts";

const WIDTH = 1000;
const CALLS = 20_000;
const LATENCIES = 2_000;

/** A library with a worker that adds one. */
interface Peer extends AsyncDisposable {
  readonly name: string;
  add(k: number): Promise<unknown>;
}

/** Calls of a worker, by this library and by others. */
export async function peers(report: Report): Promise<void> {
  await using host = await startHost({ pools: [workerPool({ count: 1 })] });
  const adder = await host.createActor(Adder, [], { place: onPool(1) });
  const own = await measure((k) => adder.add(k));
  add(report, "dramatis", own, own);
  for (const open of [piscina, comlink, workerpool]) {
    await using peer = await open();
    add(report, peer.name, await measure((k) => peer.add(k)), own);
  }
  const python = Deno.env.get("DRAMATIS_XOSCAR_PYTHON");
  if (python !== undefined) add(report, "xoscar", await xoscar(python), own);
}

/** Microseconds of a call, and calls per second. */
interface Speed {
  readonly p50: number[];
  readonly rates: number[];
}

async function measure(call: (k: number) => Promise<unknown>): Promise<Speed> {
  const p50: number[] = [];
  const rates: number[] = [];
  for (let i = 0; i <= REPEATS; i++) {
    const times = await latencies(LATENCIES, () => call(1));
    const many = await rate(CALLS, () => inFlight(WIDTH, CALLS, () => call(1)));
    if (i === 0) continue;
    p50.push(quantile(times, 0.5));
    rates.push(many);
  }
  return { p50, rates };
}

function add(report: Report, name: string, { p50, rates }: Speed, own: Speed): void {
  report.add(`${name}: call of a worker, p50`, "us", p50, own.p50, "beside ours", () => true);
  const width = `${name}: 1,000 in flight`;
  report.add(width, "calls/s", rates, own.rates, "beside ours", () => true);
}

async function piscina(): Promise<Peer> {
  const { Piscina } = await import("piscina");
  const pool = new Piscina({
    filename: new URL("./peers_piscina.ts", import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    concurrentTasksPerWorker: 64,
  });
  return {
    name: "piscina",
    add: (k) => pool.run(k),
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}

async function comlink(): Promise<Peer> {
  const { wrap } = await import("comlink");
  const worker = new Worker(new URL("./peers_comlink.ts", import.meta.url), { type: "module" });
  await new Promise((resolve) => worker.addEventListener("message", resolve, { once: true }));
  const { add } = wrap<{ add(k: number): number }>(worker);
  return {
    name: "comlink",
    add,
    [Symbol.asyncDispose]: () => Promise.resolve(worker.terminate()),
  };
}

async function workerpool(): Promise<Peer> {
  const { default: { pool: open } } = await import("workerpool");
  const pool = open({ maxWorkers: 1, workerType: "thread" });
  const plusOne = (k: number) => k + 1;
  return {
    name: "workerpool",
    add: async (k) => await pool.exec(plusOne, [k]),
    [Symbol.asyncDispose]: async () => void await pool.terminate(),
  };
}

/** What its own program prints: the same two figures, a repeat on each line. */
async function xoscar(python: string): Promise<Speed> {
  const program = new URL("./peers_xoscar.py", import.meta.url).pathname;
  const { stdout, success } = await new Deno.Command(python, {
    args: [program, ...[REPEATS, LATENCIES, CALLS, WIDTH].map(String)],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`${python} ${program} has failed`);
  const lines = new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.split(" "));
  return { p50: lines.map(([us]) => Number(us)), rates: lines.map(([, rate]) => Number(rate)) };
}
