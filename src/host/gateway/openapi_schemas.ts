/** The shapes that `openapi.ts` speaks of: those of `views.ts`, `requests.ts` and `problem.ts`. */
import { TITLES } from "./problem.ts";

/** The problems that an operation may end in, by status. */
export const PROBLEMS: Readonly<Record<number, string>> = TITLES;

type Schema = Readonly<Record<string, unknown>>;

const STRING: Schema = { type: "string" };
const COUNT: Schema = { type: "integer", minimum: 0 };
const NUMBER: Schema = { type: "number", minimum: 0 };
const FLAG: Schema = { type: "boolean" };

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const listOf = (items: Schema): Schema => ({ type: "array", items });

/** An object; all of its properties are there unless they are named as optional. */
function record(properties: Readonly<Record<string, Schema>>, optional: string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", required, properties };
}

const ACTOR: Schema = record({
  uid: STRING,
  host: ref("HostId"),
  pool: COUNT,
  type: STRING,
  state: { enum: ["starting", "running", "parking", "parked", "stopping", "stopped"] },
  queued: COUNT,
  running: listOf(record({ method: STRING, ms: NUMBER })),
  counters: record({
    messages: COUNT,
    calls: COUNT,
    errors: COUNT,
    longestQueue: COUNT,
    waitMs: NUMBER,
    runMs: NUMBER,
    measured: COUNT,
  }),
});

/** By name. */
export const SCHEMAS = Object.freeze(
  {
    Value: {
      description: "Any value. What JSON has not is an object with one key that says what it is: " +
        '`{"$bigint": "12"}`, `{"$date": "2026-01-31T00:00:00.000Z"}`, `{"$map": [[key, value]]}`, ' +
        '`{"$set": [value]}`, `{"$bytes": base64}`, `{"$Float32Array": [1]}`, `{"$number": "NaN"}`, ' +
        '`{"$undefined": true}`, `{"$regexp": [source, flags]}`, `{"$error": {name, message}}`, ' +
        '`{"$actor": {uid, host}}`; an object that looks like one of them is `{"$object": …}`.',
    },
    HostId: { ...STRING, pattern: "^[0-9a-f]{12}$" },
    Health: record({ ok: { const: true } }),
    Readiness: record({ ready: FLAG, state: ref("HostState") }),
    HostState: { enum: ["starting", "live", "draining", "stopping"] },
    Host: record({
      id: ref("HostId"),
      address: { type: ["string", "null"], description: "host:port of its gateway." },
      isThis: FLAG,
      state: {
        enum: ["starting", "live", "draining", "stopping", "unreachable"],
        description: "How far it is, by its own word; unreachable if nothing gets there.",
      },
      pools: COUNT,
      actors: COUNT,
      clients: {
        type: ["integer", "null"],
        description: "Clients that are linked with it; null if it does not say.",
      },
    }),
    Pool: record({
      host: ref("HostId"),
      pool: COUNT,
      name: STRING,
      kind: { enum: ["main", "worker", "process", "gpu"] },
      labels: listOf(STRING),
      device: record({ kind: ref("DeviceKind"), name: STRING }),
      actors: COUNT,
      busy: {
        type: ["number", "null"],
        description: "Which part of the last half second its thread was busy; null if not known.",
      },
      held: {
        oneOf: [
          record({ marks: listOf(STRING), memoryBytes: COUNT, exclusive: FLAG }),
          { type: "null" },
        ],
        description: "What some of its actors have to themselves.",
      },
      ageMs: { type: "number", description: "Since its host has told of it; 0 is here." },
      responding: FLAG,
      lagMs: { type: ["number", "null"] },
      pendingCalls: COUNT,
      streams: COUNT,
      running: listOf(record({ type: STRING, uid: { type: ["string", "null"] }, method: STRING })),
    }, ["lagMs", "pendingCalls", "streams", "running"]),
    DeviceKind: { enum: ["cpu", "gpu", "software"] },
    Device: record({
      host: ref("HostId"),
      pool: COUNT,
      poolName: STRING,
      kind: ref("DeviceKind"),
      name: STRING,
      features: listOf(STRING),
      limits: { type: "object", additionalProperties: { type: "number" } },
    }),
    Type: record({ type: STRING, version: STRING, home: { enum: ["cpu", "gpu"] } }),
    ActorOrder: {
      ...record({
        type: { ...STRING, description: "The type's name." },
        version: { ...STRING, default: "" },
        args: { ...listOf(ref("Value")), description: "The constructor's arguments." },
        uid: { ...STRING, minLength: 1, maxLength: 512 },
        name: { ...STRING, description: "Its name in the cluster." },
        place: {
          description: 'A policy, such as `{"policy": "onPool", "pool": "worker-1"}`, or several.',
          oneOf: [ref("Policy"), listOf(ref("Policy"))],
        },
        mailbox: {
          type: "object",
          properties: {
            messages: { type: "integer", minimum: 1 },
            bytes: { type: "integer", minimum: 1 },
            overflow: { enum: ["reject", "dropOldest", "dropNewest"] },
          },
        },
        concurrency: { type: "integer", minimum: 1 },
        replicas: {
          oneOf: [{ const: "everyPool" }, { type: "integer", minimum: 1, maximum: 1024 }],
        },
        restart: {
          oneOf: [ref("RestartKind"), { type: "object", properties: { kind: ref("RestartKind") } }],
          description: "Whether it is made again when its pool dies and comes back.",
        },
        snapshot: {
          type: "object",
          properties: {
            every: { type: "integer", minimum: 1 },
            intervalMs: { type: "number", exclusiveMinimum: 0 },
          },
          description: "When its state is saved by itself.",
        },
        idleMs: { type: "number", exclusiveMinimum: 0, description: "After which it is parked." },
        failover: {
          type: "boolean",
          description: "Whether it is made again elsewhere when its host is lost.",
        },
      }),
      required: ["type"],
      additionalProperties: false,
    },
    RestartKind: { enum: ["permanent", "transient", "temporary"] },
    Policy: {
      type: "object",
      required: ["policy"],
      properties: { policy: STRING, host: ref("HostId"), wish: ref("Policy") },
    },
    ActorAddress: record({
      uid: STRING,
      host: ref("HostId"),
      pool: COUNT,
      replicas: listOf(record({ host: ref("HostId"), pool: COUNT })),
    }, ["replicas"]),
    Actor: ACTOR,
    ActorList: record({ total: COUNT, offset: COUNT, actors: listOf(ref("Actor")) }),
    ActorState: {
      allOf: [ref("ActorAddress"), record({ parts: listOf(ref("Actor")) })],
      description: "Where it is, and how it does there; of one with replicas, how each does.",
    },
    Result: {
      ...record({ value: ref("Value") }, ["value"]),
      description: "Without `value` if that is `undefined`.",
    },
    StreamLine: {
      description: "Each line is an item, the end, or the error that has ended it.",
      oneOf: [
        record({ value: ref("Value") }),
        record({ end: { const: true } }),
        record({ error: ref("Problem") }),
      ],
    },
    Problem: record({
      type: STRING,
      title: STRING,
      status: { type: "integer" },
      detail: STRING,
      actor: { ...STRING, description: "Where it happened." },
      error: ref("Error"),
    }, ["actor", "error"]),
    Error: {
      ...record({ name: STRING, message: STRING, cause: ref("Error") }, ["cause"]),
      description:
        "Has more fields by its class, as `refusals` of a PlacementError. Never a stack.",
    },
  } satisfies Readonly<Record<string, Schema>>,
);
