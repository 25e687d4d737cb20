/** The figures of a suite come from a process of its own, and its failure is heard of. */
import assert from "node:assert/strict";
import type { Figure } from "../../bench/harness.ts";
import type { Ran } from "../../bench/run_suite.ts";

const ROOT = new URL("../../", import.meta.url);

async function deno(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("bench: figures of a suite are printed and written", async () => {
  const file = await Deno.makeTempFile();
  try {
    const main = ["run", "--allow-all", "bench/main.ts"];
    const { code, out, err } = await deno(...main, "--only", "start", "--json", file);
    assert.equal(code, 0, err);
    const lines = (await Deno.readTextFile(file)).trim().split("\n");
    const figures = lines.map((line) => JSON.parse(line) as Figure);
    assert.deepEqual(figures.map(({ name }) => name), ["two worker pools answering"]);
    assert(figures[0]!.value > 0);
    assert.match(out, /^two worker pools answering +\d/);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("bench: a suite that is not known is refused", async () => {
  const { code, err } = await deno("run", "--allow-all", "bench/main.ts", "--only", "nothing");
  assert.equal(code, 2);
  assert.match(err, /--only takes pool, pools, .*, got nothing/);
});

Deno.test("runSuite: a suite whose process fails has no figures and an exit code", async () => {
  const code = `import { runSuite } from "./bench/run_suite.ts";
    console.log(JSON.stringify(await runSuite("nothing")));`;
  const { out, err } = await deno("eval", code);
  const ran = JSON.parse(out) as Ran;
  assert.notEqual(ran.code, 0);
  assert.deepEqual([ran.figures, ran.plots], [[], []]);
  assert.match(err, /TypeError/);
});
