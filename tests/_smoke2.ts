import { startHost, workerPool, randomWorker, mainPool, onPool } from "@dramatis/dramatis";
import { Counter, Echo } from "/work/main/tests/fixtures/actors.ts";
const host = await startHost({ pools: [workerPool({ count: 2 })] });
const c = await host.createActor(Counter, [5], { uid: "c1", place: randomWorker() });
console.log(c, await c.add(1), await c.peek());
const m = await host.createActor(Counter, [5], { place: mainPool() });
await host.destroyActor(m);
console.log("m gone");
await host.destroyActor("c1");
console.log("c gone");
try { await c.add(1) } catch (e) { console.log(String(e)) }
await host.stop(); console.log("stopped");
