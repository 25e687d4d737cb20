import type { ActorAddress, HostId } from "../core/address.ts";
import type { CallOptions } from "../actor/message.ts";
import type { Down, Watch } from "../actor/watch.ts";
import { hostServiceOf } from "./host_service.ts";
import type { LocalPool } from "./local.ts";

/**
 * Waits for the end of an actor: a call to its host, which answers when that has come.
 *
 * @param successor The host where it has been made again, if its own was lost before.
 */
export function watchActor(
  pool: LocalPool,
  actor: ActorAddress,
  successor: Promise<HostId | null>,
): Watch {
  const { scopes } = pool;
  const left = new AbortController();
  const owner = scopes.cell;
  const owned = { cancel: () => left.abort(), [Symbol.dispose]() {} };
  // It waits for longer than the message that asks for it.
  const options: CallOptions = { timeoutMs: Infinity, signal: left.signal };
  const endAt = (host: HostId) =>
    scopes.outside(() => pool.call(hostServiceOf(host), "watch", [actor.uid], options));
  const first = endAt(actor.host);
  first.catch(() => {});
  const ended = successor.then((host) => host === null ? first : endAt(host), () => first);
  const down = new Promise<Down>((resolve) => {
    const settle = (reason: unknown) => {
      owner?.disown(owned);
      if (!left.signal.aborted) resolve({ actor, reason: reason as Error });
    };
    // Its host is gone, or cannot be asked: so is the actor.
    ended.then(settle, settle);
  });
  owner?.own(owned);
  return Object.assign(down, { [Symbol.dispose]: () => left.abort() });
}
