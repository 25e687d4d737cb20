/** `/metrics`: in Prometheus' format, bounded, and counters that never go back. */
import assert from "node:assert/strict";
import { type PoolInspection, workerPool } from "@dramatis/dramatis";
import { formatMetrics } from "../../../src/host/gateway/prometheus.ts";
import { Totals } from "../../../src/host/gateway/totals.ts";
import { path, Stage } from "./client.ts";

/** Reads the text format 0.0.4 as strictly as its description is; what each series is. */
function parse(text: string): Map<string, number> {
  assert(text.endsWith("\n"));
  const series = new Map<string, number>();
  const seen = new Set<string>();
  let name = "";
  let type = "";
  for (const line of text.trimEnd().split("\n")) {
    const help = /^# HELP ([a-z][a-z0-9_]*) (\S.*)$/.exec(line);
    if (help !== null) {
      name = help[1]!;
      assert(!seen.has(name), `${name} comes twice`);
      seen.add(name);
      type = "";
      continue;
    }
    const typed = /^# TYPE ([a-z][a-z0-9_]*) (counter|gauge)$/.exec(line);
    if (typed !== null) {
      assert.equal(typed[1], name);
      type = typed[2]!;
      assert.equal(type === "counter", name.endsWith("_total"), `${name} is a ${type}`);
      continue;
    }
    const value = String.raw`"(?:[^"\\\n]|\\[\\n"])*"`;
    const pair = `[a-z_]+=${value}`;
    const sample = new RegExp(`^([a-z][a-z0-9_]*)(\\{${pair}(?:,${pair})*\\})? (\\S+)$`).exec(line);
    assert(sample !== null, `not a sample: ${line}`);
    assert.equal(sample[1], name);
    assert.notEqual(type, "", `${name} has no type`);
    const key = `${name}${sample[2] ?? ""}`;
    assert(!series.has(key), `${key} comes twice`);
    const number = Number(sample[3]!.replace("Inf", "Infinity"));
    assert(!Number.isNaN(number) || sample[3] === "NaN", line);
    series.set(key, number);
  }
  return series;
}

async function scrape(stage: Stage): Promise<Map<string, number>> {
  const { status, headers, text } = await stage.ask("GET", "/metrics");
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return parse(text);
}

const of = (name: string, type: string) => `dramatis_${name}{type="${type}"}`;

Deno.test("metrics: counts by type, also of actors that have ended and pools that are gone", async () => {
  await using stage = await Stage.start({ pools: [workerPool({ count: 1 })], onDeadLetter() {} });
  for (const uid of ["a", "b"]) await stage.make("Counter", uid);
  for (const uid of ["a", "b"]) await stage.call(uid, "add", 1);
  await stage.ask("POST", path("a", "fail"), { body: ["x"] });
  const tell = await stage.host.actorRef<import("../../fixtures/actors.ts").Counter>("b");
  tell.fail.tell("nobody hears");
  await tell.get();
  const first = await scrape(stage);
  assert.equal(first.get(of("actors", "Counter")), 2);
  assert.equal(first.get(of("actor_calls_total", "Counter")), 5);
  assert.equal(first.get(of("actor_errors_total", "Counter")), 2);
  assert.equal(first.get('dramatis_dead_letters_total{reason="RangeError"}'), 1);
  assert.equal(first.get('dramatis_pool_actors{pool="worker-1"}'), 2);
  assert.equal(first.get('dramatis_pool_responding{pool="worker-1"}'), 1);
  assert(first.get(of("actor_run_seconds_total", "Counter"))! > 0);
  await stage.ask("DELETE", "/api/v1/actors/a");
  const second = await scrape(stage);
  assert.equal(second.get(of("actors", "Counter")), 1);
  assert.equal(second.get(of("actor_calls_total", "Counter")), 5, "what has ended still counts");
  await stage.host.removePool(1);
  await stage.make("Counter", "c");
  await stage.call("c", "add", 1);
  const third = await scrape(stage);
  assert.equal(third.get(of("actor_calls_total", "Counter")), 6, "and what is gone");
  assert.equal(third.get('dramatis_pool_actors{pool="worker-1"}'), undefined);
  for (const [name, value] of first) {
    if (/_total/.test(name)) assert((third.get(name) ?? 0) >= value, `${name} went back`);
  }
  assert.equal(third.get('dramatis_gateway_answers_total{status="201"}'), 3);
  assert(third.get("dramatis_host_resident_memory_bytes")! > 1e6);
  assert(
    [...third.keys()].every((name) => !/uid|"[abc]"/.test(name)),
    "no series of single actors",
  );
});

Deno.test("metrics: promtool accepts them, where it is installed", async () => {
  await using stage = await Stage.start({ pools: [workerPool({ count: 1 })] });
  await stage.make("Counter", "a");
  const { text } = await stage.ask("GET", "/metrics");
  let promtool: Deno.ChildProcess;
  try {
    promtool = new Deno.Command("promtool", {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    assert(Deno.env.get("DRAMATIS_REQUIRE_PROMTOOL") !== "1", "promtool is not installed");
    return;
  }
  const writer = promtool.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stdout, stderr } = await promtool.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, said);
});

Deno.test("formatMetrics: labels and help are escaped, numbers as the format has them", () => {
  const text = formatMetrics([
    {
      name: "a_total",
      type: "counter",
      help: "Back\\slash\nand line.",
      samples: [[{ x: 'q"\\\n{},=' }, Infinity], [{ x: "" }, 1e21]],
    },
    { name: "b", type: "gauge", help: "Nothing.", samples: [] },
    { name: "c", type: "gauge", help: "None.", samples: [[{}, NaN]] },
  ]);
  assert.equal(
    text,
    "# HELP a_total Back\\\\slash\\nand line.\n# TYPE a_total counter\n" +
      'a_total{x="q\\"\\\\\\n{},="} +Inf\na_total{x=""} 1e+21\n' +
      "# HELP c None.\n# TYPE c gauge\nc NaN\n",
  );
  assert.equal(parse(text).size, 3);
});

Deno.test("Totals: estimates that shrink and pools that are silent take nothing back", () => {
  const totals = new Totals();
  const pool = (number: number, calls: number, runMs: number, responding = true) =>
    ({
      pool: { pool: number },
      responding,
      actors: responding ? [{ type: "A", counters: { ...NONE, calls, runMs } }] : [],
      ended: responding ? { B: { ...NONE, calls: 1 } } : {},
    }) as unknown as PoolInspection;
  const read = (...pools: PoolInspection[]) => {
    const sums = totals.update(pools);
    return [sums.get("A")!.calls, sums.get("A")!.runMs, sums.get("B")!.calls];
  };
  assert.deepEqual(read(pool(1, 5, 10), pool(2, 1, 1)), [6, 11, 2]);
  assert.deepEqual(read(pool(1, 6, 8), pool(2, 1, 1)), [7, 11, 2]);
  assert.deepEqual(read(pool(1, 0, 0, false), pool(2, 1, 1)), [7, 11, 2]);
  assert.deepEqual(read(pool(2, 2, 2)), [8, 12, 2]);
  assert.deepEqual(read(pool(2, 3, 2), pool(3, 1, 0)), [10, 12, 3]);
});

Deno.test("Totals: there is an end to the types that are counted apart", () => {
  const ended = Object.fromEntries(
    Array.from({ length: 1000 }, (_, i) => [`T${i}`, { ...NONE, calls: 1 }]),
  );
  const pool = { pool: { pool: 1 }, responding: true, actors: [], ended };
  const sums = new Totals().update([pool as unknown as PoolInspection]);
  assert.equal(sums.size, 257);
  assert.equal(sums.get("other")!.calls, 744);
});

const NONE = {
  messages: 0,
  calls: 0,
  errors: 0,
  longestQueue: 0,
  waitMs: 0,
  runMs: 0,
  measured: 0,
};
