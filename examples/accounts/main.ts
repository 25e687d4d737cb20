/**
 * Accounts in a SQLite file: `deno run --allow-all examples/accounts/main.ts bank.db`. Run it again, and
 * they are as they were.
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { sqliteStore, startHost, workerPool } from "@dramatis/dramatis";
import { Account } from "./accounts.ts";

/** Notes two entries, with a crash of the pool between them. */
async function payTwice(path: string): Promise<string> {
  const down = Promise.withResolvers<void>();
  await using host = await startHost({
    pools: [workerPool({ count: 1 })],
    state: { store: sqliteStore({ path }) },
    recovery: {
      onPoolDown: () => down.resolve(),
      onPoolRecovered: ({ pool, restored }) =>
        console.log(`${pool.name} is back, with the state of ${restored.length} actor`),
    },
  });
  const ann = await host.createActor(Account, ["Ann"], { uid: "ann", idleMs: 60_000 });
  await ann.note({ cents: 1000, text: "salary" });
  ann.crash.tell();
  await down.promise;
  // It waits until the pool is there again.
  await ann.note({ cents: -250, text: "tea" });
  return await ann.statement();
}

if (import.meta.main) {
  const [path] = Deno.args;
  if (path === undefined) {
    console.error("Usage: deno run --allow-all examples/accounts/main.ts bank.db");
    Deno.exit(2);
  }
  console.log(await payTwice(path));
}
