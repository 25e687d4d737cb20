import { onPool, startHost, workerPool } from "@dramatis/dramatis";
import { Doomed } from "/work/main/tests/fixtures/doomed.ts";
await using host = await startHost({ pools: [workerPool({ count: 1 })], stopTimeoutMs: 300 });
const doomed = await host.createActor(Doomed, [], { place: onPool(1) });
const c = doomed.wait().catch((e) => console.log(performance.now() - t, e.exit, e.message));
const t = performance.now();
await host.removePool(1);
console.log(performance.now() - t);
await c;
