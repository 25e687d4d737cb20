import { type ActorAddress, formatHostId, type HostId, parseHostId } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import { HostLostError, NameTakenError } from "../../core/host_errors.ts";
import type { PoolDescription, TypeName } from "../../core/protocol.ts";
import type { LocalPool } from "../../pool/local.ts";
import type { Placement } from "../../schedule/policy.ts";
import type { ArgsKeeper } from "../../state/kept_args.ts";
import type { CreateOrder } from "../actors/create_order.ts";
import type { RegisteredTypes } from "../actors/registered_types.ts";
import { placeAgain } from "./failover_rules.ts";
import { Pauses } from "./pauses.ts";
import type { KeptWill, Wills } from "./wills.ts";

/** What is needed to make the actors of other hosts again. */
export interface SuccessionsOptions {
  readonly main: LocalPool;
  readonly clock: Clock;
  readonly types: RegisteredTypes;
  /** Between the tries of one host and the next. */
  readonly heartbeatMs: number;
  /** The other hosts that can be called. */
  hosts(): readonly { readonly id: HostId; readonly pools: readonly PoolDescription[] }[];
  /** The pools of this host. */
  ownPools(): readonly PoolDescription[];
  /** The actor of a name that another host holds. */
  named(host: HostId, name: string): Promise<ActorAddress>;
  /** Makes an actor of this host. */
  create(order: CreateOrder): Promise<ActorAddress>;
}

/** What the wills are kept in, and who hears of them. */
export interface SuccessionsRecord {
  readonly wills: Wills;
  readonly args: ArgsKeeper;
  /** Another host has turned out to have an actor. */
  onTaken(will: KeptWill): void;
}

/** How often a host tries to make an actor again: until a lease has expired, and something to spare. */
const MOST_TRIES = 30;

/** This host's tries to get the names of hosts that are lost, and to make their actors. */
export class Successions {
  readonly #options: SuccessionsOptions;
  readonly #record: SuccessionsRecord;
  readonly #pauses: Pauses;
  /** The names that it tries to get, and from whom. */
  readonly #trying = new Set<string>();

  constructor(options: SuccessionsOptions, record: SuccessionsRecord) {
    this.#options = options;
    this.#record = record;
    this.#pauses = new Pauses(options.clock);
  }

  /** Whether it tries no more. */
  get isOver(): boolean {
    return this.#pauses.isOver;
  }

  /** Tries no more. */
  stop(): void {
    this.#pauses.end();
  }

  /** Whether this host could make actors of a type. */
  takes(type: TypeName): boolean {
    try {
      this.#options.types.find(type);
      return true;
    } catch {
      return false;
    }
  }

  /** Tries to get a name from the host that had it last. */
  begin({ name, holder }: KeptWill): void {
    if (this.isOver) return;
    // The next loss is another matter.
    const key = `${holder}/${name}`;
    if (this.#trying.has(key)) return;
    this.#trying.add(key);
    void this.#try(name, holder).finally(() => this.#trying.delete(key));
  }

  /** The host with the fewest actors is the first to try, each further one a heartbeat later. */
  async #try(name: string, holder: HostId): Promise<void> {
    const { heartbeatMs } = this.#options;
    const { wills } = this.#record;
    let failure: Error | undefined;
    // Others that hear of the same loss in this moment are to count alike.
    await this.#pauses.wait(heartbeatMs * (this.#rank(holder) + 1 / 2));
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const will = wills.get(name);
      if (this.isOver || will === undefined || will.holder !== holder) return;
      if (!this.takes(will.type)) return;
      try {
        await this.#make(will);
        return;
      } catch (error) {
        failure = error as Error;
        if (error instanceof NameTakenError && await this.#isAtOther(will, error)) return;
      }
      await this.#pauses.wait(heartbeatMs);
    }
    if (!this.isOver) this.#giveUp(name, holder, failure);
  }

  #giveUp(name: string, holder: HostId, failure: Error | undefined): void {
    const { main } = this.#options;
    const { uid } = this.#record.wills.get(name) ?? { uid: name };
    const lost = new HostLostError(
      `Host ${formatHostId(holder)} is lost, and the actor with the name ${JSON.stringify(name)} ` +
        `could not be made again here`,
      "lost",
      { cause: failure },
    );
    main.undelivered({ host: this.#self, pool: 0, uid, generation: 0 }, "", lost);
  }

  /** Whether another host has the actor, or this one by somebody else's order; it may not have been able to say so. */
  async #isAtOther(will: KeptWill, { holder }: NameTakenError): Promise<boolean> {
    const { name, uid } = will;
    const other = parseHostId(holder);
    if (other === undefined || other === will.holder) return false;
    if (other === this.#self) return true;
    try {
      // Of one that is being made it says so when it is there.
      const made = await this.#options.named(other, name);
      const isNews = this.#record.wills.get(name) === will && made.uid === uid;
      if (isNews) this.#record.onTaken({ ...will, holder: other });
      return true;
    } catch {
      return false;
    }
  }

  async #make({ uid, type, home, args, options: given, holder }: KeptWill): Promise<void> {
    const options = { ...given, ...placeAgain(given.place as Placement | undefined, holder) };
    await this.#options.create({
      type,
      home,
      args: [...this.#record.args.read(args)],
      options: { ...options, uid },
      isOurs: false,
    });
  }

  /** How many hosts have fewer actors, or as many and a lower id. */
  #rank(lost: HostId): number {
    const { hosts, ownPools } = this.#options;
    const count = (pools: readonly PoolDescription[]) =>
      pools.reduce((sum, { actors }) => sum + actors, 0);
    const own = count(ownPools());
    const others = hosts().filter(({ id }) => id !== lost && id !== this.#self);
    return others.filter(({ id, pools }) => {
      const actors = count(pools);
      return actors < own || (actors === own && id < this.#self);
    }).length;
  }

  get #self(): HostId {
    return this.#options.main.address.host;
  }
}
