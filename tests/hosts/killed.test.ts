/** A host that is killed is known to all without their grace time, whoever has dialled whom. */
import assert from "node:assert/strict";
import { type Host, HostLostError, onHost, startHost } from "@dramatis/dramatis";
import { Counter } from "../fixtures/actors.ts";
import { HostProcess } from "../fixtures/host_process.ts";

/** The grace time is for hosts that may come back: where nobody listens any more, none does. */
const PATIENT = { pools: [], graceMs: 120_000 };

Deno.test("hosts: a killed one is noticed at once by who has dialled it and by whom it has dialled", async () => {
  await using dialled = await startHost({ ...PATIENT, listen: { port: 0 } });
  await using child = await HostProcess.start("./serve_host.ts", dialled.address!);
  const { address } = child;
  await using dialler = await startHost({ ...PATIENT, join: [address] });
  assert.ok(dialled.hosts().length >= 1 && dialler.hosts().length >= 1);
  // Hosts of one cluster may be linked with each other too.
  const others = (host: Host) => host.hosts().filter((one) => one.address === address).length;
  assert.deepEqual([dialled, dialler].map(others), [1, 1]);
  const started = performance.now();
  child.kill();
  const gone = async (host: Host) => {
    while (others(host) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    return performance.now() - started;
  };
  for (const ms of await Promise.all([dialled, dialler].map(gone))) {
    assert.ok(ms < 30_000, `${ms} ms`);
  }
});

Deno.test("hosts: a killed one of three is down within 3 s, once, its names are free and its watchers told once", async () => {
  // By the default heartbeat, and with a grace time for links alone.
  await using a = await startHost({ pools: [], listen: { port: 0 } });
  await using b = await startHost({ pools: [], join: [a.address!], listen: { port: 0 } });
  // These know it by others alone.
  await using c = await startHost({ pools: [], join: [a.address!] });
  await using d = await startHost({ pools: [], join: [b.address!] });
  await using child = await HostProcess.start("./serve_host.ts", a.address!);
  const { id } = child;
  const knows = (host: Host) => host.hosts().some((one) => one.id === id);
  while (![b, c, d].every(knows)) await new Promise((resolve) => setTimeout(resolve, 10));
  const counter = await a.createActor(Counter, [1], { place: onHost(id), name: "counter" });
  // b knows it by a alone, and links with it now.
  const seen = await b.lookup<Counter>("counter");
  assert.equal(await seen.add(1), 2);
  const told = [a, b, c, d].map((host) => {
    const kinds: string[] = [];
    const down = new Promise<number>((resolve) =>
      host.watchHosts(({ kind, host: { id: which } }) => {
        if (which !== id) return;
        kinds.push(kind);
        if (kind === "down") resolve(performance.now());
      })
    );
    return { kinds, down };
  });
  let ends = 0;
  const watched = [a.watch(counter), b.watch(seen)].map((watch) =>
    watch.then(({ reason }) => {
      ends++;
      return reason;
    })
  );
  await using lateness = new Lateness();
  const started = performance.now();
  child.kill();
  const downAt = await Promise.all(told.map(({ down }) => down));
  // An isolate that is late itself hears of it so much later.
  for (const at of downAt) assert.ok(at - started < 3_000 + 10 * lateness.ms, `${at - started} ms`);
  for (const reason of await Promise.all(watched)) assert.ok(reason instanceof HostLostError);
  await b.createActor(Counter, [5], { name: "counter" });
  assert.equal(await (await a.lookup<Counter>("counter")).get(), 5);
  // It never seems to be back.
  for (const { kinds } of told) {
    assert.deepEqual(kinds.filter((kind) => kind !== "unreachable"), ["down"], String(kinds));
  }
  assert.equal(ends, 2);
});

/** How late this isolate's timers are, at most. */
class Lateness implements AsyncDisposable {
  ms = 0;
  #isOver = false;
  readonly #watching: Promise<void> = this.#watch();

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      const before = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 50));
      this.ms = Math.max(this.ms, performance.now() - before - 50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#watching;
  }
}
