import assert from "node:assert/strict";
import { Fifo } from "../../src/core/fifo.ts";
import { random } from "./random.ts";

Deno.test("Fifo: does what an array does, wherever its ring begins", () => {
  const next = random(5);
  const fifo = new Fifo<number>();
  let list: number[] = [];
  for (let step = 0; step < 5000; step++) {
    const what = next(20);
    if (what < (step % 200 < 100 ? 11 : 6)) {
      fifo.push(step);
      list.push(step);
    } else if (what < 15) assert.equal(fifo.shift(), list.shift());
    else if (what < 17) assert.equal(fifo.pop(), list.pop());
    else if (what < 18) {
      const matches = (item: number) => item % 5 === step % 5;
      const last = list.findLast(matches);
      assert.equal(fifo.removeLast(matches), last);
      list = list.filter((item) => item !== last);
    } else if (what < 19) {
      const matches = (item: number) => item % 9 === step % 9;
      assert.deepEqual(fifo.removeWhere(matches), list.filter(matches));
      list = list.filter((item) => !matches(item));
    } else if (step % 5 === 0) assert.deepEqual(fifo.clear(), list.splice(0));
    assert.equal(fifo.length, list.length);
    for (const [i, item] of list.entries()) assert.equal(fifo.at(i), item);
  }
});
