/**
 * `deno task bench:hosts`: what it costs that a call goes by way of another host, beside a direct one, and what
 * N hosts cost that are all linked with each other and have nothing to do. All are in this process, over real
 * sockets.
 *
 * @module
 */
// deno-lint-ignore-file no-console
import process from "node:process";
import { type ActorRef, type Host, onHost, startHost } from "@dramatis/dramatis";
import { Adder } from "./actors.ts";
import { median } from "./harness.ts";

const modules = [new URL("./actors.ts", import.meta.url).href];
const COMMON = { pools: [], modules, debug: false as const };

/** Calls that are measured, one after another. */
const CALLS = 5_000;

/** Milliseconds for which hosts do nothing. */
const IDLE_MS = 5_000;

function listening(...join: readonly Host[]): Promise<Host> {
  return startHost({ ...COMMON, listen: { port: 0 }, join: join.map(({ address }) => address!) });
}

/** An actor of another host, once that is known. */
async function far(here: Host, there: Host): Promise<ActorRef<Adder>> {
  while (!here.hosts().some(({ id }) => id === there.id)) await pause(10);
  return await here.createActor(Adder, [], { place: onHost(there.id) });
}

/** Microseconds of a round trip. */
async function roundTrip(ref: ActorRef<Adder>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 2 * CALLS; i++) {
    const at = performance.now();
    await ref.add(1);
    if (i >= CALLS) times.push(performance.now() - at);
  }
  return 1000 * median(times);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function hop(): Promise<void> {
  await using relay = await listening();
  await using near = await startHost({ ...COMMON, join: [relay.address!] });
  await using end = await startHost({ ...COMMON, join: [relay.address!] });
  const direct = await roundTrip(await far(near, relay));
  const relayed = await roundTrip(await far(near, end));
  console.log(
    `round trip: ${direct.toFixed(0)} µs direct, ${relayed.toFixed(0)} µs by way of a host`,
  );
}

async function idle(count: number): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const hosts = [stack.use(await listening())];
  while (hosts.length < count) hosts.push(stack.use(await listening(hosts[0]!)));
  for (const here of hosts) {
    for (const there of hosts) if (there !== here) await far(here, there);
  }
  const before = process.cpuUsage();
  await pause(IDLE_MS);
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1000 / IDLE_MS;
  const links = count * (count - 1) / 2;
  const memory = Deno.memoryUsage().rss / 2 ** 20;
  console.log(
    `${count} idle hosts, ${links} links: ${(100 * share).toFixed(1)} % of a core, ` +
      `${memory.toFixed(0)} MiB`,
  );
}

await hop();
for (const count of [1, 2, 4, 8, 16]) await idle(count);
