/** Three hosts, each a process of its own, two of which cannot reach each other for a while. */
import assert from "node:assert/strict";
import { type ActorRef, type Host, onHost, startHost } from "@dramatis/dramatis";
import { Counter } from "../fixtures/actors.ts";
import { Child } from "../fixtures/child.ts";
import { Sequence } from "../fixtures/sequence.ts";
import { TcpProxy } from "./tcp_proxy.ts";

const SCRIPT = new URL("../fixtures/serve_host.ts", import.meta.url);
const MESSAGES = 100_000;

/** A host in a process that joins another; its id, once both know each other. */
async function joined(child: Child, host: Host): Promise<number> {
  const { id } = JSON.parse((await child.line(/^{.*}$/))[0]);
  const isThere = () => host.hosts().some((one) => one.id === id);
  if (!isThere()) await heard(host, isThere);
  return id;
}

/** Resolves once this holds, after something that the host hears of others. */
function heard(host: Host, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const watch = host.watchHosts(() => {
      if (!holds()) return;
      watch[Symbol.dispose]();
      resolve();
    });
  });
}

function turn(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Sends numbers as calls and tells in turns, a burst each few milliseconds until the way is open again. */
async function send(ref: ActorRef<Sequence>, partition: Promise<void>): Promise<void> {
  const calls: Promise<number>[] = [];
  let isOver = false;
  void partition.then(() => isOver = true);
  for (let n = 0; n < MESSAGES; n++) {
    if (n % 2 === 0) calls.push(ref.take(n));
    else ref.take.tell(n);
    if (n % 100 === 99 && (!isOver || n % 1000 === 999)) await turn(1);
  }
  const answers = await Promise.all(calls);
  assert(answers.length === MESSAGES / 2 && answers.every((answer, i) => answer === 2 * i));
}

Deno.test("hosts: three processes, two of them apart for 2 s: nothing is lost, doubled or out of order, the third is not held up", async () => {
  // Long enough that a slow machine is not taken for a lost host.
  await using here = await startHost({
    pools: [],
    listen: { port: 0 },
    modules: [new URL("../fixtures/sequence.ts", import.meta.url).href],
    heartbeatMs: 10_000,
    graceMs: 60_000,
    debug: false,
  });
  await using proxy = new TcpProxy(Number(here.address!.split(":").at(-1)));
  await using apart = new Child(SCRIPT, [proxy.url], { input: "" });
  const apartId = await joined(apart, here);
  await using third = new Child(SCRIPT, [here.address!], { input: "" });
  const thirdId = await joined(third, here);
  const mailbox = { messages: MESSAGES };
  const far = await here.createActor(Sequence, [], { place: onHost(apartId), mailbox });
  const near = await here.createActor(Counter, [0], { place: onHost(thirdId) });
  const kinds: string[] = [];
  using _watch = here.watchHosts(({ kind, host: { id } }) => {
    if (id === apartId) kinds.push(kind);
  });
  let answered = 0;
  const partition = (async () => {
    await turn(100);
    const unreachable = heard(here, () => kinds.includes("unreachable"));
    proxy.close();
    proxy.cut();
    await unreachable;
    const until = performance.now() + 2000;
    while (performance.now() < until) {
      assert.equal(await near.add(1), ++answered);
    }
    proxy.open();
  })();
  await send(far, partition);
  await partition;
  assert.deepEqual(await far.state(), { next: MESSAGES, faults: 0 });
  assert(answered > 0 && !kinds.includes("down"), kinds.join());
  for (const child of [apart, third]) {
    await child.closeInput();
    assert.equal((await child.ended()).code, 0);
  }
});
