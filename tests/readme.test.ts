/** What people copy from the README is what is tested. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Child } from "./fixtures/child.ts";
import { ProgramFolder } from "./fixtures/program_folder.ts";

const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));
const config = fileURLToPath(new URL("../deno.json", import.meta.url));

for (const { title, code } of snippets(readme)) {
  Deno.test(`README: ${title} runs and prints what its comments say`, async () => {
    await using folder = await ProgramFolder.open();
    const file = await folder.write("snippet.ts", code);
    await using child = new Child(file, [], { env: { NO_COLOR: "1" } });
    const { code: exit, stdout, stderr } = await child.ended();
    assert.equal(exit, 0, stderr);
    for (const number of code.matchAll(/console\.log\(.*\/\/ (\d+)/g)) {
      assert.match(stdout, new RegExp(`^${number[1]}$`, "m"));
    }
  });
}

Deno.test("README: its tasks and files exist", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(config));
  for (const [, task] of readme.matchAll(/deno task ([\w:]+)/g)) {
    assert.ok(task! in tasks, `deno task ${task}`);
  }
  for (const [, path] of readme.matchAll(/\]\((?!http)([^)#]+)/g)) {
    await Deno.stat(new URL(`../${path}`, import.meta.url));
  }
});

Deno.test("README: the actor has at most 20 lines, the GPU actor at most 15", () => {
  const [actor, kernel] = snippets(readme).map(({ code }) =>
    code.split("if (import.meta.main)")[0]!
  );
  const lines = (code: string) => code.split("\n").filter((line) => line.trim() !== "").length;
  assert.ok(lines(actor!) <= 20, `${lines(actor!)} lines`);
  assert.ok(lines(kernel!) <= 15, `${lines(kernel!)} lines`);
});

/** The TypeScript blocks with the headings above them. */
function snippets(markdown: string): { title: string; code: string }[] {
  const found: { title: string; code: string }[] = [];
  let title = "";
  for (const part of markdown.matchAll(/^#+ (.*)$|^```ts\n([\s\S]*?)^```$/gm)) {
    if (part[1] !== undefined) title = part[1];
    else found.push({ title, code: part[2]! });
  }
  return found;
}
