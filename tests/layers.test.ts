/** DESIGN section 2 holds, and the checks that say so can fail. */
import assert from "node:assert/strict";
import { importsOf, loadedWith, ROOT, sourcesUnder } from "./layers/graph.ts";
import {
  bareCode,
  circles,
  type Import,
  wrongLayers,
  wrongPackages,
  wrongSource,
} from "./layers/rules.ts";

async function allSources(): Promise<string[]> {
  const files: string[] = [];
  for (const folder of ["src", "gpu"]) {
    for await (const file of sourcesUnder(folder)) files.push(file);
  }
  return files.sort();
}

/** The imports of every source file, whoever imports it. */
async function allImports(): Promise<Import[]> {
  const seen = new Set<string>();
  const imports: Import[] = [];
  for (const file of ["mod.ts", ...await allSources()]) {
    if (seen.has(file)) continue;
    for (const one of await importsOf(file)) {
      const isOurs = /^(mod\.ts$|src\/|gpu\/)/.test(one.from);
      if (isOurs && !seen.has(one.from)) imports.push(one);
    }
    for (const { from } of imports) seen.add(from);
    seen.add(file);
  }
  return imports;
}

Deno.test("layers: imports point downwards, packages and circles included", async () => {
  const imports = await allImports();
  assert(imports.length > 100, "the graph was read");
  assert.deepEqual(wrongLayers(imports), []);
  assert.deepEqual(wrongPackages(imports), []);
  assert.deepEqual(circles(imports), []);
});

Deno.test("layers: a worker's entry loads only what an actor needs", async () => {
  const imports = await importsOf("src/pool/worker_main.ts");
  const loaded = imports.filter(({ typeOnly }) => !typeOnly).map(({ to }) => to);
  assert.deepEqual([...new Set(loaded.filter((to) => to.startsWith("npm:")))], [
    "npm:@msgpack/msgpack",
  ]);
  assert.deepEqual(
    loaded.filter((to) => /^(src\/(host|cli|observe|schedule)|gpu)\//.test(to)),
    [],
  );
});

/** Each module takes a worker a third of a millisecond to start: those that few actors need are loaded late. */
const WORKER_MODULES = 116;

/** The same of what every module with actors imports. */
const PACKAGE_MODULES = 16;

Deno.test("layers: a worker starts without what few actors need", async () => {
  const worker = await loadedWith("src/pool/worker_main.ts");
  // The first of Node's modules takes as long as twenty others; a timer is one of them too.
  assert.deepEqual(worker.filter((one) => one.startsWith("node:")), []);
  assert(worker.includes("src/actor/cell.ts"), "the graph was read");
  assert(worker.length <= WORKER_MODULES, `${worker.length} modules: ${worker.join(", ")}`);
  const beside = (await loadedWith("mod.ts")).filter((one) => !worker.includes(one));
  assert.deepEqual(beside.filter((one) => /^(node|npm):/.test(one)), []);
  assert(beside.length <= PACKAGE_MODULES, `${beside.length} modules: ${beside.join(", ")}`);
});

Deno.test("layers: globals are used where they belong, and no module has state", async () => {
  const wrong: string[] = [];
  for (const file of ["mod.ts", ...await allSources()]) {
    wrong.push(...wrongSource(file, await Deno.readTextFile(new URL(file, ROOT))));
  }
  assert.deepEqual(wrong, []);
});

const runtime = (from: string, to: string): Import => ({ from, to, typeOnly: false });

Deno.test("wrongLayers: names every import that does not point downwards", () => {
  assert.deepEqual(
    wrongLayers([
      runtime("src/core/a.ts", "src/core/b.ts"),
      runtime("src/pool/a.ts", "src/link/b.ts"),
      runtime("mod.ts", "src/cli/a.ts"),
      runtime("src/link/a.ts", "npm:ws"),
      runtime("src/link/a.ts", "src/actor/b.ts"),
      { from: "src/core/a.ts", to: "src/pool/b.ts", typeOnly: true },
      runtime("src/host/a.ts", "gpu/b.ts"),
      runtime("src/cli/a.ts", "mod.ts"),
      runtime("src/misc/a.ts", "src/core/b.ts"),
    ]),
    [
      "src/link/a.ts (layer 1) imports src/actor/b.ts (layer 1)",
      "src/core/a.ts (layer 0) imports src/pool/b.ts (layer 2)",
      "src/host/a.ts (layer 3) imports gpu/b.ts (layer 3)",
      "src/cli/a.ts imports mod.ts, above all layers",
      "src/misc/a.ts is in no layer",
    ],
  );
});

Deno.test("wrongPackages: names packages outside their home", () => {
  assert.deepEqual(
    wrongPackages([
      runtime("src/host/gateway/server.ts", "npm:hono"),
      runtime("src/link/websocket.ts", "npm:ws"),
      runtime("src/host/host.ts", "npm:hono"),
      runtime("src/pool/worker.ts", "npm:ws"),
      runtime("src/pool/worker.ts", "npm:other"),
    ]),
    ["src/host/host.ts imports npm:hono", "src/pool/worker.ts imports npm:ws"],
  );
});

Deno.test("circles: finds them among files, not among types", () => {
  assert.deepEqual(
    circles([
      runtime("a.ts", "b.ts"),
      runtime("b.ts", "c.ts"),
      runtime("c.ts", "b.ts"),
      runtime("a.ts", "c.ts"),
      { from: "d.ts", to: "a.ts", typeOnly: false },
      { from: "a.ts", to: "d.ts", typeOnly: true },
    ]),
    ["b.ts -> c.ts -> b.ts"],
  );
  assert.deepEqual(circles([runtime("a.ts", "a.ts")]), ["a.ts -> a.ts"]);
});

Deno.test("wrongSource: names globals and variables that are out of place", () => {
  const text = [
    "let count = 0;",
    "export let shown = 1;",
    "const seen = new Set<string>();",
    "const KNOWN: ReadonlySet<string> = new Set();",
    "const fine = 1; // let it be: new Worker, Deno.exit",
    'const text = "Deno.exit new WebSocket(x)";',
    "  let inner = 2;",
    "const worker = new Worker(url);",
    "const socket: WebSocket = open();",
    "const adapter = await navigator.gpu.requestAdapter();",
    "Deno.exit(1);",
  ].join("\n");
  assert.deepEqual(wrongSource("src/core/a.ts", text), [
    "src/core/a.ts uses Worker",
    "src/core/a.ts uses WebSocket",
    "src/core/a.ts uses navigator.gpu",
    "src/core/a.ts uses Deno",
    "src/core/a.ts has the variable count at its top level",
    "src/core/a.ts has the variable shown at its top level",
    "src/core/a.ts has a collection that can change at its top level: seen",
  ]);
  assert.deepEqual(wrongSource("src/cli/a.ts", "Deno.exit(1);"), []);
  assert.deepEqual(wrongSource("src/actor/actor.ts", "export let bindContext: F;"), []);
});

Deno.test("bareCode: blanks comments, strings and regular expressions, and nothing else", () => {
  assert.equal(bareCode('a("x // y") // z'), 'a("      ")     ');
  assert.equal(bareCode("a(/\\/\\//, 1) / b // c"), "a(/    /, 1) / b     ");
  assert.equal(bareCode("/* a\nb */ c"), "    \n     c");
  assert.equal(
    bareCode("if (/[\"'/]/.test(x)) y = 4 / 2 / z;"),
    "if (/     /.test(x)) y = 4 / 2 / z;",
  );
});
