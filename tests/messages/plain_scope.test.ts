/** What a plain function does after it has returned a promise belongs to no call: a limit, see the README. */
import assert from "node:assert/strict";
import { Scoped } from "../fixtures/message_actors.ts";
import { testEverywhere } from "../integration/placements.ts";

testEverywhere(
  "scope: lasts in an async function, and in a plain one until it returns",
  async (stage) => {
    const [a, b] = [await stage.create(Scoped, []), await stage.create(Scoped, [])];
    const [plain, declared] = await a.ask(b);
    assert.deepEqual(plain, [true, false]);
    assert.deepEqual(declared, [true, true]);
  },
);

testEverywhere("scope: a call of the rest of a plain function is nobody's", async (stage) => {
  const [a, b] = [await stage.create(Scoped, []), await stage.create(Scoped, [])];
  // A deadlock that nobody sees, and a call that goes on when the one that made it is given up.
  const controller = new AbortController();
  const call = a.callPlainly.with({ signal: controller.signal })(b);
  await b.calledBack();
  controller.abort(new RangeError("enough"));
  await assert.rejects(call, RangeError);
  const queued = b.name();
  await stage.host.killActor(a);
  assert.equal(await queued, "scoped");
});
