import { type ActorAddress, formatPool } from "../core/address.ts";
import type { PoolDescription, TypeName } from "../core/protocol.ts";
import { StatelessActor } from "../actor/actor.ts";
import { type ActorType, callableMethods } from "../actor/actor_type.ts";
import type { DeadLetter } from "../actor/dead_letter.ts";
import type { HostService, ServiceCreateOptions } from "../pool/host_service.ts";
import type { ActorDesk } from "./actor_desk.ts";

/** The host's verbs as an actor: how its own pools and other hosts reach them. */
export class HostActor extends StatelessActor implements HostService {
  readonly #desk: ActorDesk;
  readonly #onDeadLetter: (letter: DeadLetter) => void;

  constructor(desk: ActorDesk, onDeadLetter: (letter: DeadLetter) => void) {
    super();
    this.#desk = desk;
    this.#onDeadLetter = onDeadLetter;
  }

  create(
    type: TypeName,
    home: "cpu" | "gpu",
    args: unknown[],
    options: ServiceCreateOptions,
  ): Promise<ActorAddress> {
    const isOurs = this.context.sender.host === this.context.address.host;
    checkOrder(type, home, args, options);
    return this.#desk.create({ type, home, args, options, isOurs });
  }

  resolve(uid: string): ActorAddress {
    return this.#desk.resolve(uid);
  }

  has(uid: string): boolean {
    return this.#desk.has(uid);
  }

  destroy(uid: string, kill: boolean): Promise<void> {
    return this.#desk.destroy(uid, kill);
  }

  pools(): PoolDescription[] {
    return this.#desk.candidates();
  }

  deadLetter(letter: DeadLetter): void {
    if (this.context.sender.host !== this.context.address.host) {
      throw new TypeError(`${formatPool(this.context.sender)} has its own dead letters`);
    }
    this.#onDeadLetter(letter);
  }
}

/**
 * Other hosts may write what they like.
 *
 * @throws {TypeError} if it is no order for an actor.
 */
function checkOrder(type: unknown, home: unknown, args: unknown, options: unknown): void {
  const isRecord = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  const isType = isRecord(type) &&
    ["module", "export", "name", "version"].every((key) => typeof type[key] === "string");
  if (isType && (home === "cpu" || home === "gpu") && Array.isArray(args) && isRecord(options)) {
    return;
  }
  throw new TypeError("create takes a type's name, cpu or gpu, a list of arguments and options");
}

/** Not made by name: the host makes its only one. */
export const HOST_ACTOR_TYPE: ActorType = {
  name: { module: "dramatis:", export: "HostActor", name: "HostActor", version: "" },
  home: "cpu",
  methods: callableMethods(HostActor as never),
  create: () => {
    throw new TypeError("A host has one HostActor");
  },
};
