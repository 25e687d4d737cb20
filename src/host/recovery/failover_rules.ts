/** What is made again on another host, and with which options. */
import type { HostId } from "../../core/address.ts";
import type { ServiceCreateOptions } from "../../pool/host_service.ts";
import { type Placement, policiesIn } from "../../schedule/policy.ts";

/** Whether an actor is made again on another host: without being told so, if it is said to be permanent. */
export function failsOver({ name, failover, restart }: ServiceCreateOptions): boolean {
  const kind = typeof restart === "string" ? restart : restart?.kind;
  return name !== undefined && (failover ?? kind === "permanent");
}

/** What is said of it there. */
export function optionsAgain(options: ServiceCreateOptions): ServiceCreateOptions {
  const { name, place, mailbox, concurrency, restart, snapshot, idleMs } = options;
  const plain = defined({ name, place, mailbox, concurrency, restart, snapshot, idleMs });
  return { ...plain, failover: true };
}

/** Where an actor is to be, but for what only the host could do that is lost: it may have been ordered there. */
export function placeAgain(place: Placement | undefined, lost: HostId): { place?: Placement } {
  const left = policiesIn(place).filter((policy) => !("host" in policy) || policy.host !== lost);
  return place === undefined ? {} : { place: left };
}

function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
