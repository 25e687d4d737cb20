/** What `createActors` takes and gives: each member by its own type. Checked, never run. */
import { Actor, actor, type ActorRef, anyHost, type Host, label } from "@dramatis/dramatis";

@actor(import.meta)
class Adder extends Actor {
  constructor(readonly start: number, readonly unit: string = "") {
    super();
  }
  add(k: number): number {
    return this.start + k;
  }
}

@actor(import.meta)
class Bell extends Actor {
  ring(): string {
    return "ring";
  }
}

declare const host: Host;

const [adder, bell] = await host.createActors([
  { type: Adder, args: [1] },
  { type: Bell, args: [], options: { uid: "bell", place: [anyHost(), label("x")] } },
], { strategy: "spread" });
const _sum: number = await adder.add(1);
const _sound: string = await bell.ring();
// @ts-expect-error a bell does not add
bell.add(1);

const _many: ActorRef<Adder>[] = await host.createActors(
  [1, 2, 3].map((n) => ({ type: Adder, args: [n] as [number] })),
);

const [settled] = await host.createActors([{ type: Adder, args: [1, "m"] }], {
  allOrNothing: false,
});
if (settled.status === "fulfilled") settled.value.add.tell(1);

// @ts-expect-error its argument is a number
host.createActors([{ type: Adder, args: ["1"] }]);
// @ts-expect-error it has an argument
host.createActors([{ type: Adder, args: [] }]);
// @ts-expect-error a member of a gang has no replicas
host.createActors([{ type: Bell, args: [], options: { replicas: 2 } }]);
// @ts-expect-error there is no such strategy
host.createActors([{ type: Bell, args: [] }], { strategy: "heap" });
