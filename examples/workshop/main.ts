// deno-lint-ignore-file no-console
/** A foreman and his machines: what breaks is made again, and what breaks too often is replaced. */
import {
  Actor,
  actor,
  type ActorRef,
  type ChildDown,
  startHost,
  workerPool,
} from "@dramatis/dramatis";

@actor(import.meta)
export class Press extends Actor {
  #made = 0;
  work(): number {
    // A press holds for two pieces.
    if (++this.#made > 2) this.context.fail(new Error("the spring is broken"));
    return this.#made;
  }
}

@actor(import.meta)
export class Foreman extends Actor {
  #press: ActorRef<Press> | undefined;
  #presses = 0;
  #broken = 0;

  override async postCreate(): Promise<void> {
    await this.#replace();
  }

  /** A press was repaired as often as it may be: another one takes its place. */
  override async childDown(_press: ActorRef<Actor>, { reason }: ChildDown): Promise<void> {
    console.log(`given up: ${(reason.cause as Error).message}`);
    await this.#replace();
  }

  async #replace(): Promise<void> {
    // Made by an actor, it is its child: it ends with the foreman, and its end is the foreman's business.
    this.#press = await this.context.createActor(Press, [], {
      uid: `press ${++this.#presses}`,
      restart: { maxRestarts: 1, backoffMs: 1 },
    });
  }

  async order(pieces: number): Promise<string> {
    for (let done = 0; done < pieces;) {
      try {
        // While a press is being replaced, the foreman must be free to hear of it.
        await this.unlocked(this.#press!.work());
        done++;
      } catch {
        // Broken, or not there yet: the next try is another's.
      }
    }
    return `${pieces} pieces, by ${this.#presses} presses`;
  }
}

if (import.meta.main) {
  await using host = await startHost({ pools: [workerPool({ count: 2 })] });
  const foreman = await host.createActor(Foreman, []);
  console.log(await foreman.order(10));
  await host.destroyActor(foreman);
  console.log(`the press is there: ${await host.hasActor("press 3")}`);
}
