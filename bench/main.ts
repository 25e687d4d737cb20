/**
 * `deno task bench [--json FILE] [--plots FOLDER] [--only SUITE]…`: every figure beside its baseline in the
 * same run, every suite in a process of its own.
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { type Ran, runSuite } from "./run_suite.ts";
import { SUITES } from "./suites.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    json: { type: "string" },
    plots: { type: "string" },
    only: { type: "string", multiple: true },
  },
});
const unknown = values.only?.find((name) => !Object.hasOwn(SUITES, name));
if (unknown !== undefined) {
  console.error(`bench: --only takes ${Object.keys(SUITES).join(", ")}, got ${unknown}`);
  Deno.exit(2);
}
const names = Object.keys(SUITES).filter((name) => values.only?.includes(name) ?? true);
const ran: Ran[] = [];
const failed: string[] = [];
for (const name of names) {
  const one = await runSuite(name);
  ran.push(one);
  if (one.code === 0) continue;
  failed.push(name);
  console.error(`bench: ${name} failed with exit code ${one.code}`);
}
if (values.plots !== undefined) {
  await Deno.mkdir(values.plots, { recursive: true });
  for (const [name, svg] of ran.flatMap(({ plots }) => plots)) {
    await Deno.writeTextFile(`${values.plots}/${name}.svg`, svg);
  }
}
if (values.json !== undefined) {
  const lines = ran.flatMap(({ figures }) => figures).map((figure) => JSON.stringify(figure));
  await Deno.writeTextFile(values.json, lines.join("\n") + "\n");
}
if (failed.length > 0) {
  console.error(`bench: failed: ${failed.join(", ")}`);
  Deno.exit(1);
}
