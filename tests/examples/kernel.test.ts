/** The smallest kernel: what it gives, and what is said of mistakes. */
import assert from "node:assert/strict";
import { Child, WITHOUT_GPU } from "../fixtures/child.ts";

const FOLDER = new URL("../../examples/kernel/", import.meta.url);
const path = (name: string) => new URL(name, FOLDER).pathname;

for (const [where, env] of [["on a device", {}], ["without one", WITHOUT_GPU]] as const) {
  Deno.test(`kernel: computes ${where}, and says what is wrong`, async () => {
    await using child = new Child(new URL("main.ts", FOLDER), [], { env });
    const { code, stdout, stderr } = await child.ended();
    assert.equal(code, 0, stderr);
    const lines = stdout.split("\n");
    assert.match(lines[0]!, /^Float32Array\(3\) \[ 12, 24, 36 \] by \S/);
    assert.match(lines[1]!, /^\{ y: Float32Array\(3\) \[ 36, 72, 108 \] \}$/);
    assert.equal(lines[2], 'a misnamed binding: saxpy: there is no binding "why", only x, y, p');
    assert.equal(
      lines[3],
      'the wrong type: saxpy: binding "x" is array<f32>: expected Float32Array, got Int32Array',
    );
    assert.equal(lines[4], "the wrong length: saxpy: x and y must be n numbers");
    assert.equal(
      lines[5],
      'a field left out: saxpy: "p" is Params: field "n" (u32) is missing',
    );
    const isOnDevice = !/ by cpu$/.test(lines[0]!);
    assert(where === "on a device" || !isOnDevice);
    assert.match(
      lines.slice(6).join("\n"),
      isOnDevice
        ? /^bad WGSL: kernel "misspelt" .*\n +17:\d+ /
        : /^bad WGSL: misspelt needs a GPU: /,
    );
  });
}

Deno.test("kernel: at most 15 lines, and the types are those of the WGSL", async () => {
  const text = await Deno.readTextFile(path("saxpy.ts"));
  assert(text.trimEnd().split("\n").length <= 15);
  await using child = new Child(new URL("../../src/cli/wgsl_types.ts", import.meta.url), [
    path("saxpy.wgsl"),
    "--check",
    path("saxpy_args.ts"),
  ]);
  assert.deepEqual((await child.ended()).code, 0);
});
