import assert from "node:assert/strict";
import {
  formatBar,
  formatLine,
  percent,
  Progress,
  type ProgressOutput,
} from "../../examples/mandelbrot/progress.ts";

class FakeOutput implements ProgressOutput {
  text = "";
  width = 80;
  constructor(readonly terminal: boolean, readonly colour = false) {}
  columns(): number {
    return this.width;
  }
  write(text: string): void {
    this.text += text;
  }
}

Deno.test("percent() is 100 only when all is done", () => {
  assert.equal(percent({ done: 0, total: 135 }), 0);
  assert.equal(percent({ done: 134, total: 135 }), 99);
  assert.equal(percent({ done: 135, total: 135 }), 100);
  assert.equal(percent({ done: 200, total: 135 }), 100);
  assert.equal(percent({ done: 0, total: 0 }), 100);
});

Deno.test("formatLine() shows percent, count, time, and the time left while there is some", () => {
  assert.equal(formatLine({ done: 0, total: 135, elapsedMs: 0 }), "0 %    0/135  0.0 s");
  assert.equal(
    formatLine({ done: 27, total: 135, elapsedMs: 2500 }),
    "20 %   27/135  2.5 s, 10 s left",
  );
  assert.equal(formatLine({ done: 135, total: 135, elapsedMs: 12_600 }), "100 %  135/135  13 s");
  assert.equal(formatLine({ done: 1, total: 1, elapsedMs: 119_800 }), "100 %  1/1  2 min 0 s");
});

Deno.test("formatBar() fills the line but its last column, and never more than that", () => {
  const state = { done: 27, total: 135, elapsedMs: 2500 };
  assert.equal(
    formatBar(state, { columns: 60, colour: false }),
    "█████░░░░░░░░░░░░░░░░░░░░░  20 %   27/135  2.5 s, 10 s left",
  );
  for (let columns = 0; columns < 200; columns++) {
    assert.ok(formatBar(state, { columns, colour: false }).length <= Math.max(0, columns - 1));
  }
});

Deno.test("formatBar() has only figures where a bar would be too short", () => {
  const bar = formatBar({ done: 1, total: 2, elapsedMs: 0 }, { columns: 12, colour: false });
  assert.equal(bar, " 50 %  1/2 ");
});

Deno.test("formatBar() colours the bar without changing what is seen", () => {
  const state = { done: 1, total: 2, elapsedMs: 0 };
  const plain = formatBar(state, { columns: 60, colour: false });
  const coloured = formatBar(state, { columns: 60, colour: true });
  assert.notEqual(coloured, plain);
  // deno-lint-ignore no-control-regex
  assert.equal(coloured.replace(/\x1b\[\d*m/g, ""), plain);
});

Deno.test("Progress writes a line every ten percent where there is no terminal", () => {
  const output = new FakeOutput(false);
  {
    using progress = new Progress(135, { output, now: () => 0 });
    for (let i = 0; i < 135; i++) progress.advance();
  }
  const lines = output.text.split("\n");
  assert.equal(lines.pop(), "");
  assert.equal(lines.length, 10);
  assert.ok(lines[0]!.startsWith("10 %"));
  assert.ok(lines[9]!.startsWith("100 %"));
  assert.ok(!output.text.includes("\x1b") && !output.text.includes("\r"));
});

Deno.test("Progress draws one line on a terminal, at most every 50 ms, and the last state", () => {
  const output = new FakeOutput(true);
  let now = 0;
  {
    using progress = new Progress(1000, { output, now: () => now });
    for (let i = 0; i < 1000; i++) {
      now += 1;
      progress.advance();
    }
  }
  assert.equal(output.text.split("\r").length - 1, 1 + 20);
  assert.ok(output.text.includes("100 %  1000/1000"));
  assert.ok(output.text.endsWith("\x1b[K\n"));
  assert.equal(output.text.split("\n").length, 2);
});

Deno.test("Progress ends its line where it was when the work fails, once, and is silent after", () => {
  const output = new FakeOutput(true);
  const progress = new Progress(100, { output, now: () => 0 });
  progress.advance(7);
  progress[Symbol.dispose]();
  const text = output.text;
  assert.ok(text.includes("7 %    7/100") && text.endsWith("\n"));
  progress[Symbol.dispose]();
  progress.advance();
  assert.equal(output.text, text);
});

Deno.test("Progress follows the terminal's width", () => {
  const output = new FakeOutput(true);
  let now = 0;
  using progress = new Progress(10, { output, now: () => now });
  output.width = 30;
  output.text = "";
  now = 1000;
  progress.advance();
  assert.ok(output.text.replace("\r", "").replace("\x1b[K", "").length <= 29);
});

Deno.test("Progress refuses a total that is no number of steps", () => {
  assert.throws(() => new Progress(-1), /total must be a whole number of steps, got -1/);
  assert.throws(() => new Progress(0.5), RangeError);
});
