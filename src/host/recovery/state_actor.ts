import type { ParkedState, TypeName } from "../../core/protocol.ts";
import { StatelessActor } from "../../actor/actor.ts";
import { type ActorType, callableMethods, RUNTIME_MODULE } from "../../actor/actor_type.ts";
import type { KeptState, StateService } from "../../pool/state_service.ts";

/** The states of a host's actors as an actor: how its own pools reach them. */
export class StateActor extends StatelessActor implements StateService {
  readonly #states: StateService;

  constructor(states: StateService) {
    super();
    this.#states = states;
  }

  async open(uid: string, generation: number, type: TypeName): Promise<KeptState | null> {
    this.#checkSender();
    return await this.#states.open(uid, generation, type);
  }

  async save(uid: string, generation: number, state: Uint8Array): Promise<number> {
    this.#checkSender();
    return await this.#states.save(uid, generation, state);
  }

  parked(uid: string, generation: number, saved: ParkedState): void {
    this.#checkSender();
    this.#states.parked(uid, generation, saved);
  }

  woken(uid: string, generation: number): void {
    this.#checkSender();
    this.#states.woken(uid, generation);
  }

  /** Other hosts have no business with them. */
  #checkSender(): void {
    const { sender, address } = this.context;
    if (sender.host !== address.host) throw new TypeError("A host keeps states for its own actors");
  }
}

/** Not made by name: the host makes its only one. */
export const STATE_ACTOR_TYPE: ActorType = {
  name: { module: RUNTIME_MODULE, export: "StateActor", name: "StateActor", version: "" },
  home: "cpu",
  methods: callableMethods(StateActor as never),
  create: () => {
    throw new TypeError("A host has one StateActor");
  },
};
