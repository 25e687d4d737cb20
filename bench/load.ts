/**
 * `deno task bench:load [--seconds N] [--clients N] [--rate N]`: many clients on one host, each with its own
 * link, that call at a steady rate in all. Says how long calls took, and what memory the host's process has.
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { type ActorRef, type Client, connect } from "@dramatis/dramatis";
import type { Adder } from "./actors.ts";
import { median, quantile } from "./harness.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seconds: { type: "string", default: "60" },
    clients: { type: "string", default: "200" },
    rate: { type: "string", default: "1000" },
  },
});
const [seconds, clients, rate] = [values.seconds, values.clients, values.rate].map(Number) as [
  number,
  number,
  number,
];

/** Every so many milliseconds the calls that are due are made. */
const TICK_MS = 10;

/** The host, in a process of its own; where it listens. */
async function startServer(): Promise<{ child: Deno.ChildProcess; address: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", new URL("./load_host.ts", import.meta.url).pathname],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    return { child, address: text.trim() };
  }
  throw new Error("The host did not start");
}

/** Bytes of the host's process. */
async function memoryOf(address: string): Promise<number> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  return Number(/^dramatis_host_resident_memory_bytes (\S+)/m.exec(text)![1]);
}

const { child, address } = await startServer();
const linked: Client[] = [];
const refs: ActorRef<Adder>[] = [];
for (let i = 0; i < clients; i++) {
  const client = await connect(`ws://${address}`);
  linked.push(client);
  refs.push(await client.actorRef<Adder>(`adder-${i % 8}`));
}
console.log(`${clients} clients, ${rate} calls/s in all, ${seconds} s`);
const times: number[] = [];
const memory: number[] = [];
let failed = 0;
let made = 0;
const started = performance.now();
const calls = new Set<Promise<void>>();
for (let looked = 0; performance.now() - started < seconds * 1000;) {
  const elapsed = performance.now() - started;
  for (const due = elapsed * rate / 1000; made < due; made++) {
    const at = performance.now();
    const call: Promise<void> = refs[made % clients]!.add(1).then(
      () => void times.push(performance.now() - at),
      () => void failed++,
    ).finally(() => calls.delete(call));
    calls.add(call);
  }
  if (elapsed >= looked * 1000) {
    looked++;
    memory.push(await memoryOf(address) / 2 ** 20);
  }
  await new Promise((resolve) => setTimeout(resolve, TICK_MS));
}
await Promise.all(calls);
const third = Math.floor(memory.length / 3);
const [first, last] = [memory.slice(third, 2 * third), memory.slice(2 * third)].map(median);
const ms = (q: number) => `${quantile(times, q).toFixed(2)} ms`;
console.log(`${times.length} calls answered, ${failed} failed`);
console.log(`p50 ${ms(0.5)}, p99 ${ms(0.99)}, p99.9 ${ms(0.999)}, longest ${ms(1)}`);
console.log(
  `memory of the host: ${memory[0]!.toFixed(0)} MiB at first, median ${
    first!.toFixed(1)
  } MiB in the ` +
    `second third, ${last!.toFixed(1)} MiB in the last`,
);
for (const client of linked) await client[Symbol.asyncDispose]();
await child.stdin.close();
await child.status;
