import assert from "node:assert/strict";
import {
  displayWidth,
  formatReport,
  formatTable,
  tally,
  type TileRun,
} from "../../examples/mandelbrot/report.ts";

function run(pool: string, startedMs: number, endedMs: number): TileRun {
  return { host: "a", pool, device: "cpu", startedMs, endedMs };
}

Deno.test("tally() counts by device, in order of appearance, busy for the union of the times", () => {
  const rows = tally([
    run("gpu", 10, 30),
    run("worker", 0, 5),
    run("gpu", 0, 20),
    run("gpu", 12, 18),
    run("gpu", 100, 110),
    { ...run("gpu", 0, 1), host: "b" },
  ]);
  assert.deepEqual(rows.map(({ host, pool, tiles, busyMs }) => [host, pool, tiles, busyMs]), [
    ["a", "gpu", 4, 40],
    ["a", "worker", 1, 5],
    ["b", "gpu", 1, 1],
  ]);
  assert.deepEqual(tally([]), []);
});

Deno.test("tally() has a row for a device without tiles, if it is told of it", () => {
  const devices = ["gpu", "idle"].map((pool) => ({ host: "a", pool, device: "cpu" }));
  assert.deepEqual(tally([run("worker", 0, 5), run("gpu", 0, 5)], devices), [
    { host: "a", pool: "gpu", device: "cpu", tiles: 1, busyMs: 5 },
    { host: "a", pool: "idle", device: "cpu", tiles: 0, busyMs: 0 },
    { host: "a", pool: "worker", device: "cpu", tiles: 1, busyMs: 5 },
  ]);
});

Deno.test("formatReport() aligns the columns and sums them up", () => {
  const rows = [
    { host: "one", pool: "worker-0", device: "cpu", tiles: 45, busyMs: 9000 },
    { host: "one", pool: "gpu-0", device: "llvmpipe (LLVM)", tiles: 90, busyMs: 500 },
  ];
  assert.deepEqual(formatReport(rows, 10_000).split("\n"), [
    "host  pool      device           tiles    share  tiles/s",
    "────  ────────  ───────────────  ─────  ───────  ───────",
    "one   worker-0  cpu                 45   33.3 %      5.0",
    "one   gpu-0     llvmpipe (LLVM)     90   66.7 %    180.0",
    "────  ────────  ───────────────  ─────  ───────  ───────",
    "all                                135  100.0 %     13.5",
  ]);
});

Deno.test("formatReport() has no figures where there is nothing to divide by", () => {
  const lines = formatReport([], 0).split("\n");
  assert.equal(lines.length, 4);
  assert.match(lines[3]!, /^all +0 +- +-$/);
});

Deno.test("formatTable() aligns wide, combined and missing text by what a terminal shows", () => {
  const table = formatTable(
    [["name", "n"], ["日本", "1"], ["e\u0301a", "22"], ["🖥", ""], ["all", "23"]],
    ["left", "right"],
  );
  for (const line of table.split("\n")) assert.ok(displayWidth(line) <= 8, line);
  assert.match(table, /^日本 {3}1$/m);
  assert.match(table, /^e\u0301a {4}22$/m);
});

Deno.test("formatTable() lets no control character through", () => {
  const table = formatTable([["h"], ["evil\x1b[2J\nname"], ["s"]], ["left"]);
  assert.ok(!table.includes("\x1b"));
  assert.equal(table.split("\n").length, 5);
});
