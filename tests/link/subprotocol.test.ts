import assert from "node:assert/strict";
import {
  asksForSubprotocol,
  protocolsOf,
  SUBPROTOCOL,
  tokenOfProtocols,
} from "../../src/link/subprotocol.ts";

Deno.test("protocolsOf: any token comes back, in names that a subprotocol may have", () => {
  for (const token of ["a", "ab", "abc", 'a,b/c=d+e "f"', "~".repeat(1000), "ü"]) {
    const names = protocolsOf(token);
    assert(names.every((name) => /^[\w.-]+$/.test(name)));
    assert.equal(tokenOfProtocols(names.join(", ")), token);
    assert(asksForSubprotocol(names.join(",")));
  }
  assert.deepEqual(protocolsOf(null), [SUBPROTOCOL]);
});

Deno.test("tokenOfProtocols: what is none is none", () => {
  for (
    const name of ["", "graphql-ws", "dramatis.token.", "dramatis.token.a", "dramatis.token.ab*c"]
  ) {
    assert.equal(tokenOfProtocols(`${SUBPROTOCOL}, ${name}`), undefined, name);
  }
  assert(!asksForSubprotocol("dramatis.v2, other"));
});
