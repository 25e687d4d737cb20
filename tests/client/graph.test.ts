/** What the client for web pages is made of. */
import assert from "node:assert/strict";
import { importsOf } from "../layers/graph.ts";

Deno.test("browser: nothing in the client's modules is of Deno's or Node's alone", async () => {
  const imports = await importsOf("src/client/browser.ts");
  const needed = imports.filter(({ typeOnly }) => !typeOnly).map(({ to }) => to);
  const packages = new Set(needed.filter((to) => !to.startsWith("src/")));
  assert.deepEqual([...packages].sort(), ["npm:@msgpack/msgpack", "npm:@noble/hashes"]);
});
