import { startHost, workerPool, randomWorker, mainPool, onPool } from "@dramatis/dramatis";
import { Counter, Echo } from "/work/main/tests/fixtures/actors.ts";
const t0 = performance.now();
await using host = await startHost({ pools: [workerPool({ count: 2 })] });
console.log("start", performance.now() - t0, host.pools().map((p) => p.name));
const c = await host.createActor(Counter, [5], { uid: "c1", place: randomWorker() });
console.log(c, await c.add(1), await c.peek());
const m = await host.createActor(Counter, [5], { place: mainPool() });
console.log(await m.add(2));
try { await c.fail("x") } catch (e) { console.log(e) }
try { await (c as any).constructor(1) } catch (e) { console.log(String(e)) }
const e1 = await host.createActor(Echo, [], { place: onPool(1) });
const e2 = await host.createActor(Echo, [], { place: onPool(2) });
console.log(await e1.via(e2, { a: [1, new Map([[1, 2]])] }));
for (const [name, ref] of [["pool", m], ["port", c]] as const) {
  let t = performance.now(); const N = 20000;
  for (let i = 0; i < N; i++) await ref.add(1);
  console.log(name, "seq", (N / (performance.now() - t) * 1000).toFixed(0));
  for (let r = 0; r < 5; r++) {
  t = performance.now();
  const K = 200000; let done = 0;
  await Promise.all(Array.from({ length: 1000 }, async () => { for (let i = 0; i < K / 1000; i++) { await ref.add(1); } }));
  console.log(name, "1000 in flight", (K / (performance.now() - t) * 1000).toFixed(0)); }
}
await host.destroyActor("c1");
try { await c.add(1) } catch (e) { console.log(String(e)) }
