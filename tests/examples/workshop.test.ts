/** A parent that replaces its children. */
import assert from "node:assert/strict";
import { Child } from "../fixtures/child.ts";

const MAIN = new URL("../../examples/workshop/main.ts", import.meta.url);

Deno.test("workshop: presses are made again, then replaced, and end with the foreman", async () => {
  await using child = new Child(MAIN, []);
  const { code, stdout } = await child.ended();
  assert.equal(code, 0);
  assert.match(stdout, /given up: the spring is broken/);
  assert.match(stdout, /10 pieces, by [23] presses/);
  assert.match(stdout, /the press is there: false/);
});
