/** The host that `load.ts` calls: says where it listens, and runs until its standard input ends. @module */
// deno-lint-ignore-file no-console
import { startHost, workerPool } from "@dramatis/dramatis";
import { Adder } from "./actors.ts";

const host = await startHost({ pools: [workerPool({ count: 2 })], listen: { port: 0 } });
for (let i = 0; i < 8; i++) await host.createActor(Adder, [], { uid: `adder-${i}` });
console.log(host.address);
for await (const _ of Deno.stdin.readable);
await host.stop();
