/**
 * `deno task bench [--json FILE] [--plots FOLDER] [--only WORD]`: every figure beside its baseline in the
 * same run.
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "node:util";
import { callsAcrossHosts, callsAcrossPools, callsInPool, callsToProcess } from "./calls.ts";
import { copies } from "./copies.ts";
import { debugging } from "./debug.ts";
import { Report } from "./harness.ts";
import { creation, poolStart } from "./life.ts";
import { messages } from "./messages.ts";
import { peers } from "./peers.ts";
import { placement } from "./placement.ts";
import { recovery } from "./recovery.ts";
import { replicas } from "./replicas.ts";
import { skynet } from "./skynet.ts";

const SUITES: Readonly<Record<string, (report: Report) => Promise<void>>> = {
  pool: callsInPool,
  pools: callsAcrossPools,
  process: callsToProcess,
  hosts: callsAcrossHosts,
  start: poolStart,
  create: creation,
  skynet,
  messages,
  debug: debugging,
  copy: copies,
  replicas,
  recovery,
  placement,
  peers,
};

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
const report = new Report();
for (const [name, run] of Object.entries(SUITES)) {
  if (values.only === undefined || values.only.includes(name)) await run(report);
}
if (values.plots !== undefined) {
  await Deno.mkdir(values.plots, { recursive: true });
  for (const [name, svg] of report.plots) {
    await Deno.writeTextFile(`${values.plots}/${name}.svg`, svg);
  }
}
if (values.json !== undefined) {
  const lines = report.figures.map((figure) => JSON.stringify(figure));
  await Deno.writeTextFile(values.json, lines.join("\n") + "\n");
}
