import {
  type ActorAddress,
  formatPool,
  type HostId,
  type PoolAddress,
  type PoolId,
} from "../core/address.ts";
import {
  ActorNotFoundError,
  CallTimeoutError,
  NameTakenError,
  NotSerializableError,
} from "../core/errors.ts";
import type { PoolDescription } from "../core/protocol.ts";
import type { Actor } from "../actor/actor.ts";
import { type ActorSource, actorTypeOf } from "../actor/actor_type.ts";
import type { BufferRef, BufferTarget, CopyOptions, CopySource } from "../actor/buffer_ref.ts";
import type { ActorSystem, CreateOptions, WaitOptions } from "../actor/context.ts";
import type { CallOptions } from "../actor/message.ts";
import { type ActorRef, addressOf, createRef } from "../actor/ref.ts";
import type { Watch } from "../actor/watch.ts";
import { copyTo } from "./copies.ts";
import { type HostService, hostServiceOf } from "./host_service.ts";
import type { LocalPool } from "./local.ts";
import { watchActor } from "./watch_actor.ts";

/** The verbs of the host, from any of its pools: calls to the service actor of the host concerned. */
export class System implements ActorSystem<unknown> {
  readonly #pool: LocalPool;
  readonly #here: () => HostService | undefined;

  /** @param here In the host's own pool, what does it without a message. */
  constructor(pool: LocalPool, here: () => HostService | undefined = () => undefined) {
    this.#pool = pool;
    this.#here = here;
  }

  async createActor<A extends Actor, P extends unknown[]>(
    source: ActorSource<A, P>,
    args: NoInfer<P>,
    options: CreateOptions<unknown> = {},
  ): Promise<ActorRef<A>> {
    const type = actorTypeOf(source);
    if (!Array.isArray(args)) {
      throw new TypeError(`Cannot create ${type.name.name}: expected an array of arguments`);
    }
    this.#pool.types.register(type as never);
    const { uid, name, place, mailbox, concurrency, replicas, restart } = options;
    if (name !== undefined && replicas !== undefined) {
      throw new TypeError(
        `Cannot create ${type.name.name} with name and replicas: give one of them`,
      );
    }
    if (type.stateless !== true) refuseStateless(type.name.name, { concurrency, replicas });
    const placed = type.placed === undefined ? args : type.placed(args, place);
    const plain = {
      ...(uid === undefined ? {} : { uid }),
      ...(name === undefined ? {} : { name }),
      ...(place === undefined ? {} : { place }),
      ...(mailbox === undefined ? {} : { mailbox }),
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(replicas === undefined ? {} : { replicas }),
      ...(restart === undefined ? {} : { restart }),
    };
    try {
      const own = this.#here() === undefined
        ? placed
        : this.#pool.codec.copy<unknown[]>(placed, "args");
      const address = await this.#ask("create", [type.name, type.home, own, plain]);
      return createRef(address, this.#pool);
    } catch (error) {
      throw error instanceof NotSerializableError ? inArguments(error) : error;
    }
  }

  async lookup<A extends Actor = Actor>(name: string): Promise<ActorRef<A>> {
    return createRef(await this.#ask("lookup", [name]), this.#pool);
  }

  async getOrCreateActor<A extends Actor, P extends unknown[]>(
    name: string,
    source: ActorSource<A, P>,
    args: NoInfer<P>,
    options: Omit<CreateOptions<unknown>, "name"> = {},
  ): Promise<ActorRef<A>> {
    for (;;) {
      try {
        return await this.lookup<A>(name);
      } catch (error) {
        if (!(error instanceof ActorNotFoundError)) throw error;
      }
      try {
        return await this.createActor(source, args, { ...options, name });
      } catch (error) {
        // Another was faster. It may end before it is found, or not start: then it is tried again.
        if (!(error instanceof NameTakenError)) throw error;
      }
    }
  }

  async actorRef<A extends Actor = Actor>(uid: string, host?: HostId): Promise<ActorRef<A>> {
    return createRef(await this.#ask("resolve", [uid], host), this.#pool);
  }

  hasActor(target: string | ActorRef<Actor>): Promise<boolean> {
    const { uid, host } = this.#locate(target);
    return this.#ask("has", [uid], host);
  }

  destroyActor(target: string | ActorRef<Actor>): Promise<void> {
    const { uid, host } = this.#locate(target);
    return this.#ask("destroy", [uid, false], host);
  }

  killActor(target: string | ActorRef<Actor>): Promise<void> {
    const { uid, host } = this.#locate(target);
    return this.#ask("destroy", [uid, true], host);
  }

  poolConfig(): Promise<PoolDescription[]> {
    return this.#ask("pools", []);
  }

  async waitPoolRecovered(
    pool: PoolId | PoolAddress,
    { timeoutMs = Infinity }: WaitOptions = {},
  ): Promise<void> {
    const own = this.#pool.address.host;
    const at = typeof pool === "number" ? { host: own, pool } : pool;
    try {
      await this.#pool.call(hostServiceOf(at.host), "waitPool", [at.pool], { timeoutMs });
    } catch (error) {
      if (!(error instanceof CallTimeoutError)) throw error;
      throw new CallTimeoutError(`${formatPool(at)} is not there after ${timeoutMs} ms`, timeoutMs);
    }
  }

  watch(target: ActorRef<Actor>): Watch {
    return watchActor(this.#pool, addressOf(target));
  }

  bufferRef(target: BufferTarget): BufferRef {
    return this.#pool.buffers.ref(target);
  }

  copyTo(
    sources: CopySource | readonly CopySource[],
    targets: BufferRef | readonly BufferRef[],
    options?: CopyOptions,
  ): Promise<void> {
    return copyTo(this.#pool, sources, targets, options);
  }

  #locate(target: string | ActorRef<Actor>): Pick<ActorAddress, "uid" | "host"> {
    return typeof target === "string"
      ? { uid: target, host: this.#pool.address.host }
      : addressOf(target);
  }

  #ask<K extends keyof HostService>(
    method: K,
    args: Parameters<HostService[K]>,
    host: HostId = this.#pool.address.host,
  ): Promise<Awaited<ReturnType<HostService[K]>>> {
    type Answer = Awaited<ReturnType<HostService[K]>>;
    const here = host === this.#pool.address.host ? this.#here() : undefined;
    if (here === undefined) {
      return this.#pool.call(hostServiceOf(host), method, args, UNLIMITED) as Promise<Answer>;
    }
    const run = here[method] as (...args: Parameters<HostService[K]>) => Answer | Promise<Answer>;
    // As a message would, never in the turn of whoever asks: that may be the actor it ends.
    return Promise.resolve().then(() => run.apply(here, args));
  }
}

/** A stateful actor has one state, and runs one message at a time. */
function refuseStateless(type: string, options: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(options).find((name) => options[name] !== undefined);
  if (given === undefined) return;
  throw new TypeError(
    `Cannot create ${type} with ${given}: that is for actors without state, which extend StatelessActor`,
  );
}

/** A host's default for calls is none for its own work: an actor whose creation was given up would be nobody's. */
const UNLIMITED: CallOptions = Object.freeze({ timeoutMs: Infinity });

/** The constructor's arguments are an argument of the host's `create`: names the place as the user knows it. */
function inArguments(error: NotSerializableError): NotSerializableError {
  const { message, cause } = error;
  if (!error.path.startsWith("args[2]")) return error;
  const path = error.path.replace("args[2]", "args");
  const options = cause === undefined ? undefined : { cause };
  return new NotSerializableError(message.replace(error.path, path), path, options);
}
