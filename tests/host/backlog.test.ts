/** What waits for a link whose other side takes less than it is sent has bounds. */
import assert from "node:assert/strict";
import { MailboxFullError } from "@dramatis/dramatis";
import type { Frame } from "../../src/core/protocol.ts";
import { OUTAGE_BYTES, wayOver } from "../../src/host/cluster/backlog.ts";
import { BACKLOG_BYTES, boundedLink } from "../../src/link/bounded.ts";
import type { Link } from "../../src/link/link.ts";
import type { Session } from "../../src/link/session_options.ts";

const at = { id: 1, to: { host: 2, pool: 0 }, from: { host: 1, pool: 0 } };
const CALL: Frame = { kind: "call", ...at, uid: "u", method: "m", args: [] };
const REPLY: Frame = { kind: "reply", ...at, value: null };

/** A session that takes nothing. */
class StuckSession implements Session {
  readonly peer = { id: 2, address: null, pools: [] };
  readonly sent: Frame[] = [];
  readonly said: string[] = [];
  bufferedBytes = 0;
  isInterrupted = false;
  isBackedUp = true;

  send(frame: Frame): void {
    this.sent.push(frame);
  }

  forward(): void {}

  goodbye(reason: string): void {
    this.said.push(reason);
  }
}

Deno.test("wayOver: past its bound messages are refused, and the error names it; answers are not", () => {
  for (const [isInterrupted, limit] of [[true, OUTAGE_BYTES], [false, BACKLOG_BYTES]] as const) {
    const session = new StuckSession();
    session.isInterrupted = isInterrupted;
    const way = wayOver(session);
    session.bufferedBytes = limit;
    way.send(CALL);
    session.bufferedBytes++;
    assert.throws(() => way.send(CALL), (error) => {
      assert.ok(error instanceof MailboxFullError);
      assert.deepEqual([error.limit, error.bound], [limit, "bytes"]);
      assert.match(error.message, /wait for (the link with )?host 000000000002/);
      return true;
    });
    way.send(REPLY);
    assert.deepEqual(session.sent, [CALL, REPLY]);
  }
});

Deno.test("wayOver: who asks for more and more and takes no answers is cut off", () => {
  const session = new StuckSession();
  const way = wayOver(session);
  session.bufferedBytes = 2 * BACKLOG_BYTES;
  way.send(REPLY);
  assert.deepEqual(session.said, []);
  session.bufferedBytes++;
  way.send(REPLY);
  assert.match(session.said[0]!, /more than \d+ bytes wait for host 000000000002 to take them/);
});

Deno.test("wayOver: a link that flows is not looked at", () => {
  const session = new StuckSession();
  session.isBackedUp = false;
  session.bufferedBytes = Infinity;
  wayOver(session).send(CALL);
  assert.equal(session.sent.length, 1);
});

Deno.test("boundedLink: past its bound messages are refused, and the error names it; answers are not", () => {
  const sent: Frame[] = [];
  const stuck = { bufferedBytes: BACKLOG_BYTES, isBackedUp: true };
  const inner: Link = Object.assign(stuck, {
    send: (frame: Frame) => void sent.push(frame),
    forward: () => assert.fail("nothing is passed on"),
    open: () => {},
    close: () => {},
  });
  const link = boundedLink(inner, "process-1");
  link.send(CALL);
  stuck.bufferedBytes++;
  const isFull = (error: unknown) => {
    assert.ok(error instanceof MailboxFullError);
    assert.deepEqual([error.limit, error.bound], [BACKLOG_BYTES, "bytes"]);
    assert.match(error.message, /wait for process-1, which takes less than it is sent/);
    return true;
  };
  assert.throws(() => link.send(CALL), isFull);
  const raw = { ...at, hops: 0, body: new Uint8Array(), segments: [] };
  assert.throws(() => link.forward({ kind: "tell", ...raw }), isFull);
  link.send(REPLY);
  stuck.isBackedUp = false;
  link.send(CALL);
  assert.deepEqual(sent, [CALL, REPLY, CALL]);
});
