/** The API as an OpenAPI document; a test holds it to the routes that there are. */
import { PROBLEMS, SCHEMAS } from "./openapi_schemas.ts";
import { PROBLEM_PREFIX } from "./problem.ts";

/** A part of an OpenAPI document. */
type Part = Readonly<Record<string, unknown>>;

const ref = (name: keyof typeof SCHEMAS): Part => ({ $ref: `#/components/schemas/${name}` });

/** An answer with a body in JSON. */
const answer = (description: string, schema: Part): Part => ({
  description,
  content: { "application/json": { schema } },
});

const list = (name: string, schema: Part): Part => ({
  type: "object",
  required: [name],
  properties: { [name]: { type: "array", items: schema } },
});

/** The responses of an operation: what it answers, and the problems that it may end in. */
const answers = (own: Part, problems: readonly (keyof typeof PROBLEMS)[] = []): Part => ({
  ...own,
  ...Object.fromEntries(
    [...problems, 401, 403, 421, 503, 500].map((status) => [
      String(status),
      { $ref: `#/components/responses/Problem${status}` },
    ]),
  ),
});

const query = (name: string, description: string, schema: Part): Part => ({
  name,
  in: "query",
  description,
  schema,
});

const path = (name: string, description: string): Part => ({
  name,
  in: "path",
  required: true,
  description,
  schema: { type: "string", maxLength: 512 },
});

const UID = path("uid", "The actor's uid.");
const METHOD = path("method", "A public method of the actor's class.");
const HOST = query("host", "The host that the actor is on, if it is not this one.", ref("HostId"));
const ONE_HOST = query("host", "Only of this host.", ref("HostId"));

const ARGUMENTS: Part = {
  description: "The list of arguments; none if it is left out.",
  required: false,
  content: { "application/json": { schema: { type: "array", items: ref("Value") } } },
};

const OPEN: Part = { security: [] };

/** What `/openapi.json` says. */
export const openApi: Part = {
  openapi: "3.1.0",
  info: {
    title: "Dramatis host",
    version: "1",
    description:
      "Hosts, pools, devices and actors of a Dramatis host and of those it is linked with. " +
      `Problems are RFC 9457, their \`type\` is \`${PROBLEM_PREFIX}…\`.`,
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
  servers: [{ url: "/" }],
  security: [{ token: [] }],
  tags: [{ name: "cluster" }, { name: "actors" }, { name: "monitoring" }],
  paths: {
    "/healthz": {
      get: {
        ...OPEN,
        tags: ["monitoring"],
        operationId: "getHealth",
        summary: "Whether the host's process answers.",
        responses: { 200: answer("It does.", ref("Health")) },
      },
    },
    "/readyz": {
      get: {
        ...OPEN,
        tags: ["monitoring"],
        operationId: "getReadiness",
        summary: "Whether the host has started and does not stop.",
        responses: {
          200: answer("It is ready.", ref("Readiness")),
          503: answer("It starts, or stops.", ref("Readiness")),
        },
      },
    },
    "/metrics": {
      get: {
        tags: ["monitoring"],
        operationId: "getMetrics",
        summary: "Numbers for Prometheus, in its text format.",
        responses: answers({
          200: {
            description: "All numbers.",
            content: { "text/plain": { schema: { type: "string" } } },
          },
        }),
      },
    },
    "/openapi.json": {
      get: {
        tags: ["monitoring"],
        operationId: "getDocument",
        summary: "This document.",
        responses: answers({ 200: answer("OpenAPI 3.1.", { type: "object" }) }),
      },
    },
    "/link": {
      get: {
        tags: ["cluster"],
        operationId: "openLink",
        summary: "The WebSocket by which other hosts link with this one.",
        responses: answers({ 101: { description: "The link is open." } }, [400, 426, 429]),
      },
    },
    "/api/v1/hosts": {
      get: {
        tags: ["cluster"],
        operationId: "listHosts",
        summary: "This host and those that it is linked with.",
        responses: answers({ 200: answer("The hosts.", list("hosts", ref("Host"))) }),
      },
    },
    "/api/v1/pools": {
      get: {
        tags: ["cluster"],
        operationId: "listPools",
        summary: "Their pools, and how they do.",
        parameters: [ONE_HOST],
        responses: answers({ 200: answer("The pools.", list("pools", ref("Pool"))) }, [400]),
      },
    },
    "/api/v1/devices": {
      get: {
        tags: ["cluster"],
        operationId: "listDevices",
        summary: "What their pools compute with.",
        responses: answers({
          200: answer("A device for each pool.", list("devices", ref("Device"))),
        }),
      },
    },
    "/api/v1/types": {
      get: {
        tags: ["cluster"],
        operationId: "listTypes",
        summary:
          "The types of actors that can be made here: those of the modules given at its start.",
        responses: answers({ 200: answer("The types.", list("types", ref("Type"))) }),
      },
    },
    "/api/v1/actors": {
      get: {
        tags: ["actors"],
        operationId: "listActors",
        summary: "Actors, by uid; of one with replicas, each.",
        parameters: [
          ONE_HOST,
          query("pool", "Only of the pools with this number.", { type: "integer", minimum: 0 }),
          query("type", "Only of the type with this name.", { type: "string" }),
          query("offset", "How many to leave out.", { type: "integer", minimum: 0, default: 0 }),
          query("limit", "How many to answer.", {
            type: "integer",
            minimum: 1,
            maximum: 100_000,
            default: 1000,
          }),
        ],
        responses: answers({ 200: answer("Some of them.", ref("ActorList")) }, [400]),
      },
      post: {
        tags: ["actors"],
        operationId: "createActor",
        summary: "Makes an actor of a type of the modules given at the host's start.",
        requestBody: {
          required: true,
          content: { "application/json": { schema: ref("ActorOrder") } },
        },
        responses: answers({
          201: {
            ...answer("It is made.", ref("ActorAddress")),
            headers: {
              Location: { description: "The actor's path.", schema: { type: "string" } },
            },
          },
        }, [400, 404, 408, 409, 410, 413, 415, 422, 502, 507]),
      },
    },
    "/api/v1/actors/{uid}": {
      get: {
        tags: ["actors"],
        operationId: "getActor",
        summary: "An actor, and how it does.",
        parameters: [UID, HOST],
        responses: answers({ 200: answer("The actor.", ref("ActorState")) }, [400, 404, 502]),
      },
      delete: {
        tags: ["actors"],
        operationId: "destroyActor",
        summary: "Ends an actor.",
        parameters: [
          UID,
          HOST,
          query("kill", "At once, instead of after its running message and `preDestroy`.", {
            type: "boolean",
            default: false,
          }),
        ],
        responses: answers({ 204: { description: "It is gone." } }, [400, 404, 502]),
      },
    },
    "/api/v1/actors/{uid}/{method}": {
      post: {
        tags: ["actors"],
        operationId: "callActor",
        summary: "Calls a method. A client that goes away cancels the call or ends the stream.",
        parameters: [
          UID,
          METHOD,
          HOST,
          query("timeoutMs", "When to give the call up.", { type: "integer", minimum: 1 }),
          query("priority", "Of waiting messages the highest runs first.", {
            type: "integer",
            default: 0,
          }),
          query("window", "Of a stream: how far its producer may run ahead.", {
            type: "integer",
            minimum: 1,
            maximum: 1_048_576,
            default: 64,
          }),
        ],
        requestBody: ARGUMENTS,
        responses: answers({
          200: {
            description: "Its result; of a stream its items, as events if `Accept` names them.",
            content: {
              "application/json": { schema: ref("Result") },
              "application/jsonl": { schema: ref("StreamLine") },
              "text/event-stream": { schema: { type: "string" } },
            },
          },
        }, [400, 404, 408, 409, 410, 413, 415, 422, 429, 502, 504, 507]),
      },
    },
    "/api/v1/actors/{uid}/{method}/tell": {
      post: {
        tags: ["actors"],
        operationId: "tellActor",
        summary: "Sends a message that nobody waits for; what fails is a dead letter.",
        parameters: [UID, METHOD, HOST],
        requestBody: ARGUMENTS,
        responses: answers(
          { 202: { description: "It is on its way." } },
          [400, 404, 408, 413, 415, 422, 502],
        ),
      },
    },
  },
  components: {
    schemas: SCHEMAS,
    responses: Object.fromEntries(
      Object.entries(PROBLEMS).map(([status, description]) => [`Problem${status}`, {
        description,
        content: { "application/problem+json": { schema: ref("Problem") } },
      }]),
    ),
    securitySchemes: {
      token: {
        type: "http",
        scheme: "bearer",
        description: "The host's token; or, to look only, its token for reading.",
      },
    },
  },
};
