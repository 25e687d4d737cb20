/** The OpenAPI document: valid, true to the routes that there are, and to what they answer. */
import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { workerPool } from "@dramatis/dramatis";
import { createApp } from "../../../src/host/gateway/app.ts";
import { openApi } from "../../../src/host/gateway/openapi.ts";
import { path, Stage } from "./client.ts";

type Operations = Record<string, { operationId: string; responses: Record<string, unknown> }>;
const paths = openApi["paths"] as Record<string, Operations>;

Deno.test("openApi: a validator accepts it", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(openApi));
  assert(valid, JSON.stringify(errors));
  assert.equal(validator.version, "3.1");
});

Deno.test("openApi: has every route, and no other", () => {
  const app = createApp({ host: {}, door: {}, refusals: {} } as never);
  const routes = app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) =>
    `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`
  );
  const described = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`)
  );
  assert.deepEqual([...new Set(routes)].sort(), described.sort());
  const ids = Object.values(paths).flatMap((of) => Object.values(of).map((one) => one.operationId));
  assert.equal(new Set(ids).size, ids.length);
});

const ajv = new Ajv2020({ strict: false });
ajv.addSchema({ $id: "api", components: openApi["components"] });

/** What fits a schema of the document. */
function fits(name: string): (value: unknown) => void {
  const check = ajv.compile({ $ref: `api#/components/schemas/${name}` });
  return (value) =>
    assert(check(value), `${name}: ${JSON.stringify(check.errors)} ${JSON.stringify(value)}`);
}

Deno.test("openApi: what the host answers is as it says", async () => {
  await using stage = await Stage.start({ pools: [workerPool({ count: 2 })] });
  const body = { type: "Echo", uid: "e", replicas: 2, place: [{ policy: "random" }] };
  fits("ActorOrder")(body);
  const made = await stage.ask("POST", "/api/v1/actors", { body });
  fits("ActorAddress")(made.body);
  const called = await stage.ask("POST", path("e", "echo"), { body: [1] });
  fits("Result")(called.body);
  fits("ActorState")((await stage.ask("GET", "/api/v1/actors/e")).body);
  fits("ActorList")((await stage.ask("GET", "/api/v1/actors")).body);
  fits("Health")((await stage.ask("GET", "/healthz")).body);
  fits("Readiness")((await stage.ask("GET", "/readyz")).body);
  fits("Problem")((await stage.ask("GET", "/api/v1/actors/x")).body);
  await stage.make("Odd", "o");
  const lines = (await stage.ask("POST", path("o", "failing"))).text.trimEnd().split("\n");
  for (const line of lines) fits("StreamLine")(JSON.parse(line));
  const lists = { hosts: "Host", pools: "Pool", devices: "Device", types: "Type" };
  for (const [list, schema] of Object.entries(lists)) {
    const items = (await stage.ask("GET", `/api/v1/${list}`)).body[list] as unknown[];
    assert(items.length > 0);
    for (const item of items) fits(schema)(item);
  }
  assert.deepEqual(
    (await stage.ask("GET", "/openapi.json")).body,
    JSON.parse(JSON.stringify(openApi)),
  );
});

Deno.test("openApi: an order for an actor has what the host takes", async () => {
  await using stage = await Stage.start({ pools: [] });
  const { status, body } = await stage.ask("POST", "/api/v1/actors", { body: { typo: "Echo" } });
  assert.equal(status, 400);
  const { schemas } = openApi["components"] as {
    schemas: { ActorOrder: { properties: Record<string, unknown> } };
  };
  const names = Object.keys(schemas.ActorOrder.properties).join(", ");
  assert.match((body as { detail: string }).detail, new RegExp(`The body has ${names};`));
});
