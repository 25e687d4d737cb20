import type { Context } from "hono";
import type { Actor } from "../../actor/actor.ts";
import { type ActorRef, addressOf } from "../../actor/ref.ts";
import type { Caller } from "../../actor/ref_method.ts";
import { RemoteStream } from "../../actor/remote_stream.ts";
import { readJson } from "./body.ts";
import { type FindActor, fromJson } from "./from_json.ts";
import type { GatewayHost } from "./gateway_host.ts";
import { Problem } from "./problem.ts";
import { argumentsOf, callOptionsOf, hostOf } from "./requests.ts";
import { streamResponse } from "./streams.ts";
import { letGo, toJson } from "./to_json.ts";

/** The status for the log of a request whose client has gone before its answer. */
const CLIENT_GONE = 499;

/** A message as a request says it. */
interface Order {
  readonly ref: ActorRef<Actor>;
  readonly caller: Caller;
  readonly method: string;
  readonly args: unknown[];
}

/** Calls a method: answers `{"value": …}`, or the items of a stream. */
export async function callActor(
  c: Context,
  host: GatewayHost,
  bodyBytes: number,
  find: FindActor,
): Promise<Response> {
  const options = callOptionsOf(c.req.query());
  const { ref, caller, method, args } = await orderOf(c, host, bodyBytes, find);
  const { signal } = c.req.raw;
  let value: unknown;
  try {
    value = await caller.call(addressOf(ref), method, args, { ...options, signal });
  } catch (error) {
    if (signal.aborted) throw new Problem(CLIENT_GONE, "ended", "The client has gone");
    throw isUnknown(error, method) ? new Problem(404, "method", error.message) : error;
  }
  if (value instanceof RemoteStream) {
    value.reading = { window: options.window, signal };
    return streamResponse(value, c.req.header("accept") ?? "");
  }
  return valueResponse(value);
}

/** Sends a message that nobody waits for. */
export async function tellActor(
  c: Context,
  host: GatewayHost,
  bodyBytes: number,
  find: FindActor,
): Promise<Response> {
  const { ref, caller, method, args } = await orderOf(c, host, bodyBytes, find);
  caller.tell(addressOf(ref), method, args);
  return new Response(null, { status: 202 });
}

async function orderOf(
  c: Context,
  { main }: GatewayHost,
  bodyBytes: number,
  find: FindActor,
): Promise<Order> {
  const { uid, method } = c.req.param() as { uid: string; method: string };
  const list = argumentsOf(await readJson(c.req.raw, bodyBytes));
  const ref = await find(uid, hostOf(c.req.query()));
  const args = await fromJson(list, "args", find) as unknown[];
  const address = addressOf(ref);
  const caller = address.replicas === undefined ? main : main.balanced(address);
  return { ref, caller, method, args };
}

/** Nothing at all is what JSON says of `undefined`. */
function valueResponse(value: unknown): Response {
  try {
    const body = value === undefined ? {} : { value: toJson(value, "value") };
    return new Response(`${JSON.stringify(body)}\n`, {
      headers: { "content-type": "application/json", "cache-control": "no-store" },
    });
  } catch (error) {
    letGo(value);
    throw error;
  }
}

/** Whether a cell has said so: the words of `Cell`. */
function isUnknown(error: unknown, method: string): error is TypeError {
  return error instanceof TypeError &&
    error.message.includes(` has no method ${JSON.stringify(method)}; it has: `);
}
