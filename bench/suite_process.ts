/** The process of one suite: `suite_process.ts SUITE FILE`. @module */
import { Report } from "./harness.ts";
import type { Taken } from "./run_suite.ts";
import { SUITES } from "./suites.ts";

const [name, file] = Deno.args as [string, string];
const suite = await SUITES[name]!();
const report = new Report();
try {
  await suite(report);
} finally {
  // What was taken before it failed is worth something too.
  const taken: Taken = { figures: report.figures, plots: [...report.plots] };
  await Deno.writeTextFile(file, JSON.stringify(taken));
}
