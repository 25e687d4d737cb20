import { type Actor, StatelessActor } from "../actor/actor.ts";
import {
  ACTOR_TYPE,
  type ActorFactory,
  type ActorMethod,
  type ActorType,
  callableMethods,
} from "../actor/actor_type.ts";
import type { Inbox } from "./inbox.ts";

/** Comes back by the way of all messages: what came before it has been received. No method can have this name. */
export const ROUND_TRIP = "dramatis round trip";

/** Hands every message to its test. It has no state of its own, so that those without an answer hold up no other. */
export class ProbeActor extends StatelessActor {
  readonly #inbox: Inbox;

  constructor(inbox: Inbox) {
    super();
    this.#inbox = inbox;
  }

  /** Runs whatever method it is. */
  receive(method: string, args: unknown[]): unknown {
    if (method === ROUND_TRIP) return undefined;
    return this.#inbox.take(method, args, this.context.sender);
  }
}

/** Has a method of every name, each of which is `receive`; where they are counted, they are one. */
class EveryMethod extends Map<string, ActorMethod> {
  override has(): boolean {
    return true;
  }

  override get(name: string): ActorMethod {
    return {
      ...super.get("receive")!,
      run(this: Actor, ...args: unknown[]): unknown {
        return (this as ProbeActor).receive(name, args);
      },
    };
  }
}

const PROBE_TYPE: ActorType<ProbeActor, [Inbox]> = {
  name: { module: "dramatis:testing", export: "Probe", name: "Probe", version: "" },
  home: "cpu",
  methods: new EveryMethod(callableMethods(ProbeActor as never)),
  create: ([inbox]) => new ProbeActor(inbox),
};

/** For `createActor`. Its argument is to be shared, as it is the test's own. */
export const PROBE:
  & ActorFactory<ProbeActor, [Inbox]>
  & { readonly [ACTOR_TYPE]: typeof PROBE_TYPE } = Object.freeze({ [ACTOR_TYPE]: PROBE_TYPE });
