/** What becomes of a host is told once, by whatever comes first: its link or the directory. */
import assert from "node:assert/strict";
import { Membership } from "../../../src/host/directory/membership.ts";

const HOST = { id: 7, address: "10.0.0.7:7300", pools: [] };

/** Does these things one after another; what is told of each. */
function told(...steps: ((members: Membership) => unknown)[]): string[] {
  const members = new Membership();
  const kinds: string[] = [];
  members.watch(({ kind, host }) => {
    assert.equal(host, HOST);
    kinds.push(kind);
  });
  for (const step of steps) step(members);
  return kinds;
}

const link = (members: Membership) => members.linked(HOST);
const unlink = (members: Membership) => members.unlinked(HOST.id);
const list = (members: Membership) => members.listed(HOST);
const unlist = (members: Membership) => members.unlisted(HOST.id);
const interrupt = (members: Membership) => members.interrupted(HOST.id, true);
const resume = (members: Membership) => members.interrupted(HOST.id, false);
const route = (members: Membership) => members.routed(HOST);
const halt = (members: Membership) => members.routed(HOST, true);
const hold = (members: Membership) => members.held(HOST.id);
const unroute = (members: Membership) => members.unrouted(HOST.id);
const fail = (members: Membership) => members.unreachable(HOST.id);

const TABLE: readonly [name: string, steps: Parameters<typeof told>, kinds: string[]][] = [
  ["a link alone", [link, unlink], ["joined", "down"]],
  ["listed and linked, in either order", [list, link, list], ["joined"]],
  ["linked and listed", [link, list, list], ["joined"]],
  ["a lost link of a listed host", [list, link, unlink, unlink], ["joined", "unreachable"]],
  ["linked again", [list, link, unlink, link], ["joined", "unreachable", "back"]],
  ["its lease expires after its link", [list, link, unlink, unlist, unlist], [
    "joined",
    "unreachable",
    "down",
  ]],
  ["its lease expires while it is linked", [list, link, unlist], ["joined"]],
  ["and then its link ends", [list, link, unlist, unlink], ["joined", "down"]],
  ["never linked", [list, fail, fail, list], ["joined", "unreachable"]],
  ["a failed dial of a host that has dialled", [list, link, fail], ["joined"]],
  ["its link is lost, and back", [link, interrupt, interrupt, resume, resume], [
    "joined",
    "unreachable",
    "back",
  ]],
  ["its link is lost, and given up", [link, interrupt, unlink], ["joined", "unreachable", "down"]],
  ["it links anew", [link, interrupt, link], ["joined", "unreachable", "back"]],
  ["others pass on what it is sent", [route, link, unlink, unroute], ["joined", "down"]],
  ["one that is listed can be reached by others", [list, fail, route, unroute, unlist], [
    "joined",
    "unreachable",
    "back",
    "unreachable",
    "down",
  ]],
  ["a link on the way to it is lost, and back", [route, halt, halt, route], [
    "joined",
    "unreachable",
    "back",
  ]],
  ["it has died: it is not back before it is down", [route, halt, hold, unroute], [
    "joined",
    "unreachable",
    "down",
  ]],
  ["nobody knows it", [unlink, unlist, fail, interrupt, unroute], []],
  ["cut off for long", [list, unlist, list], ["joined", "down", "joined"]],
];

for (const [name, steps, kinds] of TABLE) {
  Deno.test(`Membership: ${name}`, () => assert.deepEqual(told(...steps), kinds));
}

Deno.test("Membership: hosts are live or unreachable, until they are down", () => {
  const members = new Membership();
  list(members);
  assert.deepEqual(members.hosts, [{ ...HOST, state: "live" }]);
  fail(members);
  assert.deepEqual(members.hosts, [{ ...HOST, state: "unreachable" }]);
  unlist(members);
  assert.deepEqual(members.hosts, []);
});

Deno.test("Membership: a watch ends when it is disposed of, and no other", () => {
  const members = new Membership();
  let count = 0;
  const listener = () => count++;
  const first = members.watch(listener);
  members.watch(listener);
  list(members);
  assert.equal(count, 2);
  first[Symbol.dispose]();
  unlist(members);
  assert.equal(count, 3);
});
