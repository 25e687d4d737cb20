/** The links between the actors of hosts: what is kept of them, and what of messages that cross. */
import assert from "node:assert/strict";
import type { ActorAddress } from "../../src/core/address.ts";
import {
  ActorFailedError,
  ActorNotFoundError,
  ActorStoppedError,
  LinkedActorDownError,
} from "../../src/core/errors.ts";
import { HostLostError, PoolLostError } from "../../src/core/host_errors.ts";
import { addressOf, type UidEntry, UidTable } from "../../src/host/actors/uid_table.ts";
import { Links } from "../../src/host/recovery/links.ts";
import type { LinkService } from "../../src/pool/link_service.ts";
import type { LocalPool } from "../../src/pool/local.ts";

/** A message between hosts, on its way. */
interface Sent {
  readonly to: number;
  readonly what: string;
  arrive(): void;
}

/** Hosts whose messages arrive when the test says so, in order from each to each. */
class Net {
  readonly sides = new Map<number, Side>();
  readonly #under: Sent[] = [];

  send(to: number, what: string, run: (links: Links) => unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const arrive = () => void Promise.try(run, this.sides.get(to)!.links).then(resolve, reject);
      this.#under.push({ to, what, arrive });
    });
  }

  /** Lets what is under way to a host arrive, and what is sent then. */
  async deliver(to?: number): Promise<void> {
    for (;;) {
      const next = this.#under.findIndex((sent) => to === undefined || sent.to === to);
      if (next < 0) return;
      this.#under.splice(next, 1)[0]!.arrive();
      await turns();
    }
  }
}

/** One host: its pools say what they are told to. */
class Side {
  readonly uids: UidTable = new UidTable((entry, reason) => this.links.ended(entry, reason));
  readonly links: Links;
  readonly failed: [uid: string, error: LinkedActorDownError][] = [];
  /** Whether the actors have unlinked by themselves. */
  hasUnlinked = false;

  constructor(readonly net: Net, readonly id: number) {
    const call = (service: ActorAddress, method: string, args: unknown[]) => {
      if (method === "tellLinkDown") return Promise.resolve(!this.hasUnlinked);
      return net.send(service.host, method, (links) => {
        const run = links[method as keyof LinkService] as (...args: unknown[]) => void;
        return run.apply(links, args);
      });
    };
    const main = { address: { host: id, pool: 0 }, call } as unknown as LocalPool;
    this.links = new Links({
      main,
      uids: this.uids,
      failover: { isAway: () => false, successorOf: () => Promise.resolve(null) },
      fail: (entry, error) => {
        this.failed.push([entry.uid, error as LinkedActorDownError]);
        const message = `${entry.uid} has failed`;
        this.uids.release(entry, () => new ActorFailedError(message, { cause: error }));
        return Promise.resolve();
      },
    });
    net.sides.set(id, this);
  }

  make(uid: string): UidEntry {
    const entry = this.uids.reserve(uid, [1]);
    entry.state = "live";
    return entry;
  }

  at(entry: UidEntry): ActorAddress {
    return addressOf(this.id, entry);
  }

  link({ uid, generation }: UidEntry, peer: ActorAddress): Promise<void> {
    return this.links.link(uid, generation, peer);
  }

  unlink({ uid, generation }: UidEntry, peer: ActorAddress): Promise<void> {
    return this.links.unlink(uid, generation, peer);
  }

  kill(entry: UidEntry): void {
    this.uids.release(entry, () => new ActorStoppedError(`${entry.uid} was killed`, "killed"));
  }
}

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

function twoSides(): { net: Net; near: Side; far: Side } {
  const net = new Net();
  return { net, near: new Side(net, 1), far: new Side(net, 2) };
}

function uids({ failed }: Side): string[] {
  return failed.map(([uid]) => uid);
}

Deno.test("Links: whatever ends, nothing is kept of its links on either host", async () => {
  const ends: readonly ((side: Side, entry: UidEntry) => void)[] = [
    (side, entry) => side.kill(entry),
    (side, entry) => side.uids.release(entry),
    (side, entry) => side.uids.release(entry, () => new PoolLostError("gone", "error")),
    (side, entry) => side.uids.release(entry, () => new PoolLostError("removed", "stopped")),
  ];
  for (const [i, end] of ends.entries()) {
    const { net, near, far } = twoSides();
    const [a, b, c] = [near.make("a"), far.make("b"), near.make("c")];
    const made = [near.link(a, far.at(b)), far.link(b, near.at(c)), near.link(c, near.at(a))];
    await net.deliver();
    await Promise.all(made);
    assert.deepEqual([near.links.size, far.links.size], [4, 2]);
    end(far, b);
    await net.deliver();
    await turns();
    const isDown = i === 0 || i === 2;
    assert.deepEqual(uids(near).toSorted(), isDown ? ["a", "c"] : [], `end ${i}`);
    assert.deepEqual([near.links.size, far.links.size], isDown ? [0, 0] : [2, 0]);
    if (!isDown) await near.unlink(a, near.at(c));
    assert.equal(near.links.size, 0);
  }
});

Deno.test("Links: a host that is gone is the end of its actors, one that stops one in order", async () => {
  for (const exit of ["lost", "stopped"] as const) {
    const { net, near, far } = twoSides();
    const [a, b] = [near.make("a"), far.make("b")];
    const made = near.link(a, far.at(b));
    await net.deliver();
    await made;
    near.links.hostLost(2, new HostLostError("gone", exit));
    near.links.hostLost(2, new HostLostError("gone", exit));
    await turns();
    assert.deepEqual(uids(near), exit === "lost" ? ["a"] : []);
    assert.equal(near.links.size, 0);
  }
});

Deno.test("Links: both link at once, and one link is left, that either can end", async () => {
  for (const [first, isUnlinked] of [[1, true], [2, true], [1, false], [2, false]] as const) {
    const { net, near, far } = twoSides();
    const [a, b] = [near.make("a"), far.make("b")];
    const made = [near.link(a, far.at(b)), far.link(b, near.at(a))];
    await net.deliver(first);
    await net.deliver();
    await Promise.all(made);
    assert.deepEqual([near.links.size, far.links.size], [1, 1]);
    if (isUnlinked) await near.unlink(a, far.at(b));
    else far.kill(b);
    await net.deliver();
    await turns();
    assert.deepEqual([near.links.size, far.links.size], [0, 0]);
    assert.deepEqual(uids(near), isUnlinked ? [] : ["a"]);
  }
});

Deno.test("Links: an end that crosses the link, or the unlinking, is told once or not at all", async () => {
  const { net, near, far } = twoSides();
  const [a, b, c] = [near.make("a"), far.make("b"), near.make("c")];
  // The linker ends before the other has heard of the link.
  const early = near.link(c, far.at(b));
  near.kill(c);
  await net.deliver();
  await early;
  assert.deepEqual(uids(far), ["b"]);
  assert.deepEqual([near.links.size, far.links.size], [0, 0]);
  // The other has ended when the link comes.
  const late = near.link(a, far.at(b));
  const refused = assert.rejects(late, (error) => {
    assert(error instanceof LinkedActorDownError && error.linked.uid === "b", String(error));
    return error.cause instanceof ActorNotFoundError;
  });
  await net.deliver();
  await refused;
  assert.equal(near.links.size, 0);
  // Its end is under way when the linker unlinks, and one of the same uid is linked with anew.
  const again = far.make("b");
  const made = near.link(a, far.at(again));
  await net.deliver();
  await made;
  far.kill(again);
  await near.unlink(a, far.at(again));
  const third = far.make("b");
  const anew = near.link(a, far.at(third));
  await net.deliver();
  await anew;
  assert.deepEqual(uids(near), []);
  assert.deepEqual([near.links.size, far.links.size], [1, 1]);
  far.kill(third);
  await net.deliver();
  await turns();
  assert.deepEqual(uids(near), ["a"]);
  assert.equal(near.failed[0]![1].linked.uid, "b");
});

Deno.test("Links: one that has unlinked in its pool meanwhile lives on, and hears so once that is sure", async () => {
  const { near } = twoSides();
  const [a, b] = [near.make("a"), near.make("b")];
  await near.link(a, near.at(b));
  near.hasUnlinked = true;
  near.kill(b);
  await near.unlink(a, near.at(b));
  await turns();
  assert.deepEqual(uids(near), []);
  assert.equal(near.links.size, 0);
});

Deno.test("Links: those that end together do so once, and a chain names the first reason", async () => {
  const { near } = twoSides();
  const all = Array.from({ length: 500 }, (_, i) => near.make(`a${i}`));
  for (let i = 1; i < all.length; i++) await near.link(all[i]!, near.at(all[i - 1]!));
  await near.link(all[0]!, near.at(all.at(-1)!));
  near.kill(all[0]!);
  while (near.links.size > 0) await turns();
  await turns();
  assert.equal(near.failed.length, 499);
  for (const [, { cause }] of near.failed) {
    assert(cause instanceof ActorStoppedError && cause.exit === "killed", String(cause));
  }
  const pair = [near.make("x"), near.make("y")] as const;
  await near.link(pair[0], near.at(pair[1]));
  for (const one of pair) near.uids.release(one, () => new PoolLostError("both", "error"));
  await turns();
  assert.equal(near.failed.length, 499);
});

Deno.test("Links: an actor that ends, or is another instance, links with nobody", async () => {
  const { near } = twoSides();
  const [a, b] = [near.make("a"), near.make("b")];
  await assert.rejects(near.links.link("a", a.generation + 1, near.at(b)), ActorStoppedError);
  a.state = "stopping";
  await assert.rejects(near.link(a, near.at(b)), ActorStoppedError);
  await near.link(b, near.at(b));
  assert.equal(near.links.size, 0, "not with itself either");
});
