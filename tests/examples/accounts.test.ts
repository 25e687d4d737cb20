/** Accounts that outlive pools and hosts. */
import assert from "node:assert/strict";
import { Child } from "../fixtures/child.ts";

const MAIN = new URL("../../examples/accounts/main.ts", import.meta.url);

Deno.test("accounts: are there after a crash of the pool, and when the program is run again", async () => {
  const folder = await Deno.makeTempDir({ prefix: "dramatis-accounts-" });
  try {
    for (
      const [run, expected] of ["salary 10.00, tea -2.50", "salary 10.00, tea -2.50, "].entries()
    ) {
      await using child = new Child(MAIN, [`${folder}/bank.db`]);
      const { code, stdout } = await child.ended();
      assert.equal(code, 0);
      assert.match(stdout, /worker-1 is back, with the state of 1 actor/);
      assert(stdout.includes(`Ann (kept): ${expected}`), stdout);
      assert.equal(stdout.match(/salary/g)!.length, run + 1);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
