/** A host's names, without a cluster: what becomes of a name when its actor ends, or is to end. */
import assert from "node:assert/strict";
import type { ActorAddress } from "../../../src/core/address.ts";
import { ActorNotFoundError, ActorStoppedError } from "../../../src/core/errors.ts";
import { NameTakenError } from "../../../src/core/host_errors.ts";
import type { Directory, NameHolder } from "../../../src/host/directory/directory.ts";
import { Names } from "../../../src/host/directory/names.ts";

const SELF = 1;
const OTHER = 2;

function actorOf(generation: number): ActorAddress {
  return { host: SELF, pool: 0, uid: "a", generation };
}

/** One directory that grants what nobody else has, and a host of it. */
class Site implements Directory {
  readonly held = new Map<string, number>();
  readonly elsewhere = new Map<string, NameHolder>();
  readonly killed: [generation: number, reason: string][] = [];
  /** Until it resolves, what is given back is not free. */
  releasing: Promise<void> = Promise.resolve();
  #token = 0;
  readonly names = new Names({
    self: SELF,
    reach: () => Promise.resolve(),
    ask: (host, name) => Promise.resolve({ host, pool: 0, uid: name, generation: 1 }),
    kill: ({ generation }, { message }) => this.killed.push([generation, message]),
  });

  constructor() {
    this.names.open(this);
  }

  claim(name: string): Promise<number> {
    assert(!this.held.has(name));
    this.held.set(name, ++this.#token);
    return Promise.resolve(this.#token);
  }

  lookup(name: string): Promise<NameHolder | undefined> {
    return Promise.resolve(this.elsewhere.get(name));
  }

  async release(name: string, token: number): Promise<void> {
    await this.releasing;
    assert.equal(this.held.get(name), token);
    this.held.delete(name);
  }

  async join(): Promise<void> {}
  check(): void {}
  linked(): void {}
  unlinked(): void {}
  async leave(): Promise<void> {}
}

/** Makes an actor of this generation; `resolve` ends its start. */
function making(site: Site, generation: number) {
  const { promise, resolve, reject } = Promise.withResolvers<ActorAddress>();
  const made = site.names.create("n", (onReserved) => {
    onReserved(actorOf(generation));
    return promise;
  });
  made.catch(() => {});
  return { made, start: () => resolve(actorOf(generation)), fail: reject };
}

Deno.test("Names: whoever looks waits for the start, and hears if that fails", async () => {
  const site = new Site();
  const first = making(site, 1);
  const found = site.names.find("n");
  first.start();
  assert.deepEqual(await found, actorOf(1));
  await first.made;
  await site.names.ended(1);
  const second = making(site, 2);
  const missed = site.names.find("n");
  missed.catch(() => {});
  second.fail(new RangeError("no"));
  await assert.rejects(second.made, RangeError);
  await assert.rejects(missed, ActorNotFoundError);
  assert.equal(site.held.size, 0);
});

Deno.test("Names: one that is given back can be taken when it is free, and not before", async () => {
  const site = new Site();
  const first = making(site, 1);
  first.start();
  await first.made;
  const releasing = Promise.withResolvers<void>();
  site.releasing = releasing.promise;
  const ended = site.names.ended(1);
  const second = making(site, 2);
  const missed = site.names.held("n");
  missed.catch(() => {});
  second.start();
  assert.equal(site.names.ended(1), ended, "once");
  releasing.resolve();
  await ended;
  await assert.rejects(missed, ActorNotFoundError);
  assert.deepEqual(await second.made, actorOf(2));
  assert.equal(site.names.ended(1), undefined, "the later actor keeps it");
  assert.equal(site.held.size, 1);
});

Deno.test("Names: an actor that loses its name while it starts is ended at once", async () => {
  const site = new Site();
  const first = making(site, 1);
  await site.lookup("n"); // its claim is granted meanwhile
  await site.lookup("n");
  site.names.lost("n", new Error("given to another"));
  assert.deepEqual(site.killed, [[1, "given to another"]]);
  first.start();
  await assert.rejects(first.made, ActorStoppedError);
  assert.equal(site.held.size, 0);
});

Deno.test("Names: one that is lost is not found any more, nor taken before its actor has ended", async () => {
  const site = new Site();
  const first = making(site, 1);
  first.start();
  await first.made;
  await assert.rejects(making(site, 9).made, NameTakenError);
  site.names.lostAll(new Error("cut off"));
  assert.deepEqual(site.killed, [[1, "cut off"]]);
  const missed = site.names.find("n");
  missed.catch(() => {});
  const second = making(site, 2);
  second.start();
  await site.names.ended(1);
  await assert.rejects(missed, ActorNotFoundError);
  assert.deepEqual(await second.made, actorOf(2));
});

Deno.test("Names: an actor that is made again keeps its name, unless that was lost meanwhile", async () => {
  const site = new Site();
  const first = making(site, 1);
  first.start();
  await first.made;
  site.names.renewed(1, actorOf(2));
  assert.deepEqual(await site.names.find("n"), actorOf(2));
  assert.equal(site.names.ended(1), undefined);
  site.names.lost("n", new Error("given to another"));
  site.names.renewed(2, actorOf(3));
  assert.deepEqual(site.killed.map(([generation]) => generation), [2, 3]);
  await site.names.ended(3);
  assert.equal(site.held.size, 0);
});

Deno.test("Names: what another host holds is asked of it", async () => {
  const site = new Site();
  site.elsewhere.set("far", { host: OTHER, address: null });
  const expected = { host: OTHER, pool: 0, uid: "far", generation: 1 };
  assert.deepEqual(await site.names.find("far"), expected);
  site.elsewhere.set("far", { host: SELF, address: null });
  await assert.rejects(site.names.find("far"), ActorNotFoundError);
});
