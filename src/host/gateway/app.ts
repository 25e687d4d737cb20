import { type Context, Hono, type Next } from "hono";
import { API, Api, json } from "./api.ts";
import type { Door, Role } from "./door.ts";
import type { LinkAccess } from "../../link/link_acceptor.ts";
import type { GatewayHost } from "./gateway_host.ts";
import { type GatewayState, HostMetrics, type MemoryUse } from "./metrics.ts";
import { openApi } from "./openapi.ts";
import { Problem, problemOf } from "./problem.ts";
import { CONTENT_TYPE, formatMetrics } from "./prometheus.ts";
import type { RefusalReason, Refusals } from "./refusals.ts";
import { checkSource } from "./source.ts";
import type { Json } from "./to_json.ts";

/** What is served. */
export interface AppOptions {
  readonly host: GatewayHost;
  /** Where the gateway listens. */
  readonly hostname: string;
  /** The origins whose web pages may open links. */
  readonly allowOrigins: readonly string[];
  readonly door: Door;
  readonly refusals: Refusals;
  /** Bytes that a request's body may have. */
  readonly bodyBytes: number;
  /** Turns a request into a link. */
  upgrade(request: Request, access: LinkAccess): Response;
  /** What the process uses. */
  memory(): MemoryUse;
}

/** What the server tells of a request. */
interface Arrival {
  readonly remoteAddr: { readonly hostname: string };
  /** Settles when the answer is with the client, or cannot get there. */
  readonly completed: Promise<void>;
}

type AppContext = Context<{ Bindings: Arrival }>;

/** All that a gateway answers. */
export function createApp(options: AppOptions): Hono<{ Bindings: Arrival }> {
  const { host, hostname, door, refusals, bodyBytes } = options;
  const answered: Record<string, number> = {};
  const metrics = new HostMetrics();
  const app = new Hono<{ Bindings: Arrival }>();
  app.use(async (c, next) => {
    await next();
    answered[c.res.status] = (answered[c.res.status] ?? 0) + 1;
  });
  app.use((c, next) => {
    checkSource(c.req.raw.headers, hostname, c.req.path === LINK ? options.allowOrigins : []);
    return next();
  });
  // Before the token: probes have none, and learn no more than that somebody listens.
  app.get("/healthz", () => json({ ok: true }));
  app.get("/readyz", () => ready(host));
  app.get(LINK, (c) => link(c, options));
  app.use((c, next) => admit(c, next, door));
  app.get("/metrics", async () => {
    const state: GatewayState = {
      requests: door.requests,
      links: door.links,
      answered,
      refused: refusals.counts,
    };
    const text = formatMetrics(metrics.read(await host.inspect(), state, options.memory()));
    return new Response(text, { headers: { "content-type": CONTENT_TYPE } });
  });
  app.get("/openapi.json", () => json(openApi as unknown as Json));
  app.route(API, new Api(host, bodyBytes).routes());
  app.notFound((c) => refuseRoute(app, c));
  app.onError((error, c) => answerError(error, c, refusals));
  return app;
}

function ready(host: GatewayHost): Response {
  const state = host.state();
  return json({ ready: state === "live", state }, state === "live" ? 200 : 503);
}

/** Where hosts and clients link. */
const LINK = "/link";

/** Methods that change nothing. */
const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

async function admit(c: AppContext, next: Next, door: Door): Promise<void> {
  const { role } = door.accessOf(c.req.raw.headers);
  if (!READING.has(c.req.method)) refuseReader(role);
  door.enter();
  const leave = () => door.leave();
  c.env.completed.then(leave, leave);
  await next();
}

function link(c: AppContext, { host, door, upgrade }: AppOptions): Response {
  const { role, token } = door.accessOf(c.req.raw.headers);
  if (role === "reader") throw notForReaders();
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    throw new Problem(426, "upgrade", "This path is for hosts, which link by WebSocket", {
      headers: { upgrade: "websocket" },
    });
  }
  if (host.state() === "stopping") throw new Problem(503, "busy", "This host stops");
  return upgrade(c.req.raw, { role, token, from: c.env.remoteAddr.hostname });
}

function refuseReader(role: Role): void {
  if (role === "reader") throw notForReaders();
}

function notForReaders(): Problem {
  return new Problem(403, "role", "The token for reading does not do for this");
}

/** A path that there is by another method, or that there is not. */
function refuseRoute(app: Hono<{ Bindings: Arrival }>, c: AppContext): never {
  const parts = c.req.path.split("/");
  const methods = app.routes.filter(({ path, method }) => {
    const pattern = path.split("/");
    return method !== "ALL" && pattern.length === parts.length &&
      pattern.every((part, i) => part.startsWith(":") ? parts[i] !== "" : part === parts[i]);
  }).map(({ method }) => method);
  if (methods.length === 0) {
    throw new Problem(
      404,
      "not-found",
      "There is no such path: /openapi.json says which there are",
    );
  }
  const allow = [...new Set(methods)].join(", ");
  throw new Problem(405, "method", `This path takes ${allow}`, { headers: { allow } });
}

/** Why it was refused, as it is counted; of what an actor or the host could not do, nothing. */
function refusalOf({ status, kind }: Problem, refusals: Refusals): RefusalReason | undefined {
  const isMessage = (kind === "method" && status === 404) || (kind === "start" && status === 422);
  if (isMessage) return "message";
  return Object.hasOwn(refusals.counts, kind) ? kind as RefusalReason : undefined;
}

function answerError(error: Error, c: AppContext, refusals: Refusals): Response {
  const problem = problemOf(error);
  const { status, kind, message } = problem;
  const reason = refusalOf(problem, refusals);
  if (reason !== undefined) {
    refusals.add({ reason, message, status, from: c.env.remoteAddr.hostname });
  }
  if (kind === "internal") {
    // deno-lint-ignore no-console
    console.error(`dramatis: ${c.req.method} ${c.req.routePath} has failed:`, error);
  }
  // Another host puts what it hears into an error for people.
  return c.req.path === LINK ? problem.toText() : problem.toResponse();
}
