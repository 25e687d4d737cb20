import { type Context, Hono } from "hono";
import { formatHostId, type HostId } from "../../core/address.ts";
import { ActorNotFoundError } from "../../core/errors.ts";
import { PlacementError } from "../../core/host_errors.ts";
import type { Actor } from "../../actor/actor.ts";
import { type ActorRef, addressOf } from "../../actor/ref.ts";
import { RESERVED_PREFIX } from "../../pool/host_service.ts";
import { readJson } from "./body.ts";
import { callActor, tellActor } from "./calls.ts";
import type { GatewayHost } from "./gateway_host.ts";
import { hostViews, inspectHosts, type SeenHost } from "./inspect_hosts.ts";
import { fromJson } from "./from_json.ts";
import { Problem } from "./problem.ts";
import { actorRequestOf, flagOf, hostOf, numberOf, poolOf } from "./requests.ts";
import type { Json } from "./to_json.ts";
import { actorView, addressView, deviceView, poolView } from "./views.ts";

/** Where the API begins. */
export const API = "/api/v1";

/** Actors in one answer, unless it asks for more or fewer. */
const PAGE = 1000;
const LARGEST_PAGE = 100_000;

/** The API for people and programs that speak HTTP: what `openapi.ts` describes. */
export class Api {
  readonly #host: GatewayHost;
  readonly #bodyBytes: number;

  /** @param bodyBytes Bytes that a request's body may have. */
  constructor(host: GatewayHost, bodyBytes: number) {
    this.#host = host;
    this.#bodyBytes = bodyBytes;
  }

  /** Its routes. */
  routes(): Hono {
    const app = new Hono();
    const actor = "/actors/:uid";
    app.get("/hosts", async () => json({ hosts: await hostViews(this.#host) }));
    app.get("/pools", (c) => this.#pools(c));
    app.get("/devices", () => json({ devices: this.#host.desk.pools().map(deviceView) }));
    app.get("/types", () => json({ types: this.#types() }));
    app.get("/actors", (c) => this.#actors(c));
    app.post("/actors", (c) => this.#create(c));
    app.get(actor, (c) => this.#actor(c));
    app.delete(actor, (c) => this.#destroy(c));
    app.post(`${actor}/:method`, (c) => callActor(c, this.#host, this.#bodyBytes, this.find));
    app.post(`${actor}/:method/tell`, (c) => tellActor(c, this.#host, this.#bodyBytes, this.find));
    return app;
  }

  /** The ref of a living actor; those of the runtime cannot be found. */
  readonly find = async (uid: string, host?: HostId): Promise<ActorRef<Actor>> => {
    if (uid.startsWith(RESERVED_PREFIX)) {
      throw new ActorNotFoundError(`There is no actor ${JSON.stringify(uid)}`);
    }
    return await this.#host.main.verbs.actorRef(uid, host);
  };

  #types(): Json {
    return this.#host.types.all.map(({ name, home }) => ({
      type: name.name,
      version: name.version,
      home,
    }));
  }

  async #pools(c: Context): Promise<Response> {
    const hosts = await this.#inspected(c);
    const pools = hosts.flatMap(({ pools, inspection }) =>
      pools.map((pool) =>
        poolView(pool, inspection?.pools.find((one) => one.pool.pool === pool.pool))
      )
    );
    return json({ pools });
  }

  async #actors(c: Context): Promise<Response> {
    const query = c.req.query();
    const offset = numberOf(query, "offset", 0, Number.MAX_SAFE_INTEGER) ?? 0;
    const limit = numberOf(query, "limit", 1, LARGEST_PAGE) ?? PAGE;
    const pool = poolOf(query);
    const { type } = query;
    const found = (await this.#inspected(c))
      .flatMap(({ inspection }) => inspection?.pools ?? [])
      .flatMap(({ actors }) => actors)
      .filter((one) => pool === undefined || one.address.pool === pool)
      .filter((one) => type === undefined || one.type === type)
      .sort((a, b) => compare(a.address.uid, b.address.uid) || a.address.pool - b.address.pool);
    const actors = found.slice(offset, offset + limit).map(actorView);
    return json({ total: found.length, offset, actors });
  }

  async #create(c: Context): Promise<Response> {
    const { desk, types, id } = this.#host;
    const state = this.#host.state();
    if (state === "draining" || state === "stopping") {
      throw new Problem(503, "busy", "This host stops: it makes no actors any more");
    }
    const request = actorRequestOf(await readJson(c.req.raw, this.#bodyBytes));
    const { type, version, options } = request;
    const { name, home } = types.registered({ name: type, version });
    const args = await fromJson(request.args, "args", this.find) as unknown[];
    try {
      const address = await desk.create({ type: name, home, args, options, isOurs: true });
      const elsewhere = address.host === id ? "" : `?host=${formatHostId(address.host)}`;
      const location = `${API}/actors/${encodeURIComponent(address.uid)}${elsewhere}`;
      return json(addressView(address), 201, { location });
    } catch (error) {
      throw orderProblem(error, options.place !== undefined);
    }
  }

  async #actor(c: Context): Promise<Response> {
    const { uid } = c.req.param() as { uid: string };
    const address = addressOf(await this.find(uid, hostOf(c.req.query())));
    const hosts = new Set([address.host, ...address.replicas?.map(({ host }) => host) ?? []]);
    const parts = (await inspectHosts(this.#host, (id) => hosts.has(id)))
      .flatMap(({ inspection }) => inspection?.pools ?? [])
      .flatMap(({ actors }) => actors)
      .filter((one) => one.address.uid === uid)
      .map(actorView);
    return json({ ...addressView(address), parts });
  }

  async #destroy(c: Context): Promise<Response> {
    const { uid } = c.req.param() as { uid: string };
    const query = c.req.query();
    const kill = flagOf(query, "kill");
    const { verbs } = this.#host.main;
    const ref = await this.find(uid, hostOf(query));
    await (kill ? verbs.killActor(ref) : verbs.destroyActor(ref));
    return new Response(null, { status: 204 });
  }

  #inspected(c: Context): Promise<readonly SeenHost[]> {
    const wanted = hostOf(c.req.query());
    return inspectHosts(this.#host, (id) => wanted === undefined || wanted === id);
  }
}

/** A response in JSON. */
export function json(value: Json, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });
}

/** Why an order for an actor was refused: what is wrong in it is the client's to mend. */
function orderProblem(error: unknown, isPlaced: boolean): unknown {
  const { actor } = error as { actor?: unknown };
  const isOption = error instanceof TypeError || error instanceof RangeError;
  if (isOption && actor === undefined) {
    return new Problem(422, "value", error.message, { cause: error });
  }
  if (error instanceof PlacementError && isPlaced && actor === undefined) {
    return new Problem(422, "placement", error.message, { cause: error });
  }
  return error;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
