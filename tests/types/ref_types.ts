/**
 * What the type checker lets users of refs do. Never run: `readme.test.ts` checks it, and every line
 * under a `@ts-expect-error` must be an error.
 */
import {
  Actor,
  actor,
  type ActorRef,
  type CallOptions,
  type Host,
  mainPool,
  type MethodNames,
  type MethodResult,
} from "@dramatis/dramatis";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true
  : false;

/** Compiles only for `true`. */
function isTrue<_T extends true>(): void {}

interface Item {
  readonly name: string;
}

class Base extends Actor {
  inherited(n: number): string {
    return String(n);
  }
}

@actor(import.meta)
class Shop extends Base {
  readonly field: number = 1;
  #secret = 1;
  constructor(readonly owner: string, readonly size: number = 1) {
    super();
  }
  sell(item: Item, count: number = 1): number {
    return this.#secret + count + item.name.length;
  }
  async find(name: string): Promise<Item | undefined> {
    return await Promise.resolve({ name });
  }
  many(...names: string[]): Item[] {
    return names.map((name) => ({ name }));
  }
  neighbour(): ActorRef<Shop> {
    return this.context.ref as ActorRef<Shop>;
  }
  close(): void {}
  then(): void {}
  override postCreate(): void {}
  override async preDestroy(): Promise<void> {}
  override toString(): string {
    return this.owner;
  }
  get computed(): number {
    return this.#secret;
  }
  private hidden(): void {}
  protected guarded(): void {
    this.hidden();
  }
}

declare const shop: ActorRef<Shop>;
declare const host: Host;
declare const options: CallOptions;

// Which names there are.
isTrue<
  Same<MethodNames<Shop>, "sell" | "find" | "many" | "neighbour" | "close" | "inherited">
>();
isTrue<Same<MethodNames<Actor>, never>>();

// Arguments and results.
isTrue<Same<MethodResult<Promise<number>>, Promise<number>>>();
export const sold: Promise<number> = shop.sell({ name: "tea" }, 2);
export const soldOne: Promise<number> = shop.sell({ name: "tea" });
export const found: Promise<Item | undefined> = shop.find("tea");
export const items: Promise<Item[]> = shop.many("tea", "milk");
export const neighbour: Promise<ActorRef<Shop>> = shop.neighbour();
export const closed: Promise<void> = shop.close();
export const base: Promise<string> = shop.inherited(1);
export const told: void = shop.sell.tell({ name: "tea" });
export const timed: Promise<number> = shop.sell.with(options)({ name: "tea" });
export const again: Promise<number> = shop.sell.with({ timeoutMs: 5 })({ name: "tea" }, 1);
// @ts-expect-error: a wrong argument
shop.sell("tea");
// @ts-expect-error: too few arguments
shop.find();
// @ts-expect-error: too many arguments
shop.find("tea", 1);
// @ts-expect-error: a wrong rest argument
shop.many("tea", 1);
// @ts-expect-error: a tell checks its arguments
shop.sell.tell(1);
// @ts-expect-error: a tell has no result
shop.sell.tell({ name: "tea" }).then();
// @ts-expect-error: so does a call with options
shop.sell.with(options)("tea");
// @ts-expect-error: an option that there is not
shop.sell.with({ timeout: 5 });
// @ts-expect-error: the result is a promise
export const unawaited: number = shop.sell({ name: "tea" });
// @ts-expect-error: of another type
export const wrong: Promise<string> = shop.sell({ name: "tea" });

// Links are between actors, whatever their types.
class Keeper extends Actor {
  keep(others: ActorRef<Shop>[]): Promise<void>[] {
    // @ts-expect-error: not an actor
    this.context.link(this);
    // @ts-expect-error: nor the uid of one
    this.context.unlink("shop");
    return others.flatMap((other) => [this.context.link(other), this.context.unlink(other)]);
  }
}
export const keeper = Keeper;

// What is not visible.
// @ts-expect-error: a private method
shop.hidden();
// @ts-expect-error: a protected method
shop.guarded();
// @ts-expect-error: a field
export const field: unknown = shop.field;
// @ts-expect-error: a parameter property
export const owner: unknown = shop.owner;
// @ts-expect-error: a getter
export const computed: unknown = shop.computed;
// @ts-expect-error: a hook
shop.postCreate();
// @ts-expect-error: a hook
shop.preDestroy();
// @ts-expect-error: the context
export const context: unknown = shop.context;
// @ts-expect-error: a helper of the base class
shop.unlocked(Promise.resolve());
// @ts-expect-error: not thenable
shop.then(() => {});
// @ts-expect-error: no such method
shop.steal();
// @ts-expect-error: it is read-only
shop.close = bank.pay as never;

// Refs of one class are not refs of another.
@actor(import.meta)
class Bank extends Actor {
  pay(amount: number): boolean {
    return amount > 0;
  }
}
declare const bank: ActorRef<Bank>;
export const anyRef: ActorRef<Actor> = shop;
// @ts-expect-error: another class
export const notShop: ActorRef<Shop> = bank;
// @ts-expect-error: any actor is not this one
export const notBank: ActorRef<Bank> = anyRef;

// Creation.
export const created: Promise<ActorRef<Shop>> = host.createActor(Shop, ["Ann"]);
export const createdWithAll: Promise<ActorRef<Shop>> = host.createActor(Shop, ["Ann", 2], {
  uid: "shop",
  place: mainPool(),
  mailbox: { messages: 10, overflow: "dropOldest" },
});
export const createdBank: Promise<ActorRef<Bank>> = host.createActor(Bank, []);
export const replicated: Promise<ActorRef<Bank>> = host.createActor(Bank, [], {
  concurrency: 8,
  replicas: "everyPool",
});
export const three: Promise<ActorRef<Bank>> = host.createActor(Bank, [], { replicas: 3 });
// @ts-expect-error: a number of replicas that there is not
host.createActor(Bank, [], { replicas: "every" });
// @ts-expect-error: concurrency is a number
host.createActor(Bank, [], { concurrency: "all" });
// @ts-expect-error: an argument is missing
host.createActor(Shop, []);
// @ts-expect-error: a wrong argument
host.createActor(Shop, [1]);
// @ts-expect-error: too many arguments
host.createActor(Bank, ["Ann"]);
// @ts-expect-error: the arguments are a list
host.createActor(Shop, "Ann");
// @ts-expect-error: no list of arguments
host.createActor(Bank);
// @ts-expect-error: a placement that there is not
host.createActor(Bank, [], { place: "main" });
// @ts-expect-error: an option that there is not
host.createActor(Bank, [], { title: "bank" });
// @ts-expect-error: not an actor's class
host.createActor(Date, []);
// @ts-expect-error: an abstract class
host.createActor(Actor, []);

// Finding and ending.
export const resolved: Promise<ActorRef<Bank>> = host.actorRef<Bank>("bank");
export const gone: Promise<void> = host.destroyActor(shop);
export const there: Promise<boolean> = host.hasActor("bank");
// @ts-expect-error: neither uid nor ref
host.killActor(1);

// Inside an actor.
@actor(import.meta)
export class Client extends Actor {
  async shopping(shop: ActorRef<Shop>): Promise<number> {
    const own: ActorRef<Actor> = this.context.ref;
    const made: ActorRef<Bank> = await this.context.createActor(Bank, []);
    await this.context.destroyActor(own);
    // @ts-expect-error: arguments are checked here too
    await this.context.createActor(Bank, [1]);
    const value: number = await this.unlocked(shop.sell({ name: "tea" }));
    return await made.pay(value) ? value : 0;
  }
}

// @ts-expect-error: only actors are decorated
@actor(import.meta)
export class NoActor {}
