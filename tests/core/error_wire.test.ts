import assert from "node:assert/strict";
import { Codec } from "../../src/core/codec.ts";
import { errorClassName, isWireError, newError, takeError } from "../../src/core/error_wire.ts";
import { ActorStartError } from "../../src/core/errors.ts";
import { CallTimeoutError, NotSerializableError } from "../../src/core/message_errors.ts";
import { PlacementError } from "../../src/core/host_errors.ts";
import { WIRE_ERRORS } from "../../src/core/wire_errors.ts";
import type { FailureFrame } from "../../src/core/protocol.ts";
import { HERE, THERE, through } from "./codec_helpers.ts";

const codec = new Codec();

function failure(error: unknown): unknown {
  const frame: FailureFrame = { kind: "failure", id: 1, to: THERE, from: HERE, error };
  return (through(codec, frame, "inline", false) as FailureFrame).error;
}

Deno.test("error_wire: every known class arrives as itself, a real error", () => {
  for (const [name, { prototype }] of Object.entries(WIRE_ERRORS)) {
    const type = prototype.constructor as new (...args: unknown[]) => Error;
    const sent = name === "AggregateError" ? new type([], "msg") : new type("msg");
    for (const arrived of [failure(sent), codec.copy(sent, "result")] as Error[]) {
      assert.ok(Error.isError(arrived), name);
      assert.equal(Object.getPrototypeOf(arrived), prototype, name);
      assert.ok(arrived instanceof type, name);
      assert.deepEqual([arrived.name, arrived.message, arrived.stack], [name, "msg", sent.stack]);
      assert.deepEqual(arrived, sent);
      assert.deepEqual(Object.keys(arrived), Object.keys(sent), name);
    }
  }
});

Deno.test("error_wire: data in fields arrives", () => {
  const refusals = [{ pool: "worker-1", reason: "full" }];
  const sent = new PlacementError("p", refusals, { cause: new CallTimeoutError("t", 250) });
  const arrived = failure(sent) as PlacementError;
  assert.deepEqual(arrived.refusals, refusals);
  assert.equal((arrived.cause as CallTimeoutError).timeoutMs, 250);
  assert.equal(
    (failure(new NotSerializableError("n", "args[1]")) as NotSerializableError).path,
    "args[1]",
  );
  assert.equal(
    (failure(new ActorStartError("s", "construct")) as ActorStartError).phase,
    "construct",
  );
});

Deno.test("error_wire: a failure may be anything, and always travels", () => {
  assert.equal(failure("text"), "text");
  assert.equal(failure(undefined), undefined);
  assert.equal(failure(() => 1), "[function]");
  assert.equal(failure(Symbol("s")), "[symbol]");
  assert.deepEqual(failure({ p: Promise.resolve(), n: 1 }), { p: "[Promise]", n: 1 });
  assert.deepEqual(failure(new Uint8Array(new SharedArrayBuffer(1))), "[SharedArrayBuffer]");
});

Deno.test("error_wire: getters that throw leave a note", () => {
  class Hostile extends Error {
    override get name(): string {
      throw new Error("name");
    }
    get [Symbol.toStringTag](): string {
      throw new Error("tag");
    }
  }
  const error = Object.defineProperty(new Hostile("m"), "field", {
    enumerable: true,
    get(): never {
      throw new Error("field");
    },
  });
  const arrived = failure(error) as Error & { field: unknown };
  assert.deepEqual([arrived.name, arrived.message, arrived.field], [
    "[unreadable]",
    "m",
    "[unreadable]",
  ]);
  const list = failure([
    new Proxy({}, {
      ownKeys() {
        throw new Error("keys");
      },
    }),
  ]);
  assert.deepEqual(list, [["[unreadable]"]]);
});

Deno.test("error_wire: no constructor runs on arrival", () => {
  const before = Error.prototype.constructor;
  const { prototype } = ActorStartError;
  assert.equal(Object.hasOwn(newError("ActorStartError"), "phase"), false);
  assert.equal(Object.getPrototypeOf(newError("ActorStartError")), prototype);
  assert.equal(Object.getPrototypeOf(newError("constructor")), Error.prototype);
  assert.equal(Object.getPrototypeOf(newError("__proto__")), Error.prototype);
  assert.equal(Error.prototype.constructor, before);
});

Deno.test("error_wire: own fields with dangerous names are inert", () => {
  const error = new Error("m");
  Object.defineProperty(error, "__proto__", { value: { bad: 1 }, enumerable: true });
  const arrived = failure(error) as Error & { bad?: unknown };
  assert.equal(Object.getPrototypeOf(arrived), Error.prototype);
  assert.equal(arrived.bad, undefined);
});

Deno.test("errorClassName: the class, not what it calls itself", () => {
  class Mine extends RangeError {}
  class Same extends Error {}
  Object.defineProperty(Same, "name", { value: "TypeError" });
  assert.equal(errorClassName(new RangeError()), "RangeError");
  assert.equal(errorClassName(new Mine()), "Mine");
  assert.equal(errorClassName(new Same()), "Error");
  assert.ok(isWireError(new RangeError()) && !isWireError(new Mine()));
});

Deno.test("takeError: takes name, message, stack, cause and fields", () => {
  const error = Object.assign(new TypeError("m", { cause: 1 }), { code: "E" });
  const parts = takeError(error);
  assert.deepEqual(parts, {
    className: "TypeError",
    name: "TypeError",
    message: "m",
    stack: error.stack,
    hasCause: true,
    cause: 1,
    hasErrors: false,
    errors: undefined,
    fields: [["code", "E"]],
  });
});
