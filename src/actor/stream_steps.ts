import type { Agenda } from "./agenda.ts";
import { isThenable } from "./batch.ts";
import type { Cell } from "./cell.ts";
import type { CellWatch } from "./cell_watch.ts";
import type { Lock } from "./lock.ts";
import type { Scopes } from "./scopes.ts";
import type { StreamScope } from "./stream_scope.ts";

/** Runs the steps of the streams that one actor gives: under its lock, unless their method needs none. */
export class StreamSteps {
  readonly #cell: Cell;
  readonly #agenda: Agenda;
  readonly #lock: Lock;
  readonly #watch: CellWatch;
  readonly #scopes: Scopes;

  constructor(cell: Cell, agenda: Agenda, watch: CellWatch, scopes: Scopes) {
    this.#cell = cell;
    this.#agenda = agenda;
    this.#lock = agenda.lock;
    this.#watch = watch;
    this.#scopes = scopes;
  }

  /** {@linkcode Cell.step} */
  step(step: () => unknown, scope: StreamScope): unknown {
    if (scope.target!.concurrent) return this.#enter(step, scope, false);
    return this.#agenda.isFree ? this.#enter(step, scope, true) : this.#stepLater(step, scope);
  }

  /** {@linkcode Cell.leave} */
  async leave(finish: () => unknown, scope: StreamScope): Promise<void> {
    const isLocked = !scope.target!.concurrent && !this.#cell.isStopped;
    // A kill while it waits leaves nothing to lock.
    const gotLock = isLocked && await this.#lock.back().then(() => true, () => false);
    await this.#enter(finish, scope, gotLock);
  }

  async #stepLater(step: () => unknown, scope: StreamScope): Promise<unknown> {
    if (this.#cell.isStopped) throw this.#cell.stoppedError("is stopped");
    await this.#lock.turn();
    return await this.#enter(step, scope, true);
  }

  /** Runs code of a stream in its scope. */
  #enter(code: () => unknown, scope: StreamScope, locked: boolean): unknown {
    if (locked) this.#lock.take(scope);
    const method = scope.target!;
    const outer = this.#scopes.enter(scope);
    const outerMark = this.#watch.enter(method);
    let result: unknown;
    try {
      result = code();
    } finally {
      this.#watch.leave(outerMark);
      this.#scopes.leave(outer);
      if (!isThenable(result) && this.#lock.holder === scope) this.#agenda.unlock();
    }
    if (!isThenable(result)) return result;
    this.#watch.goesOn(scope, method);
    return result.then((value) => {
      this.#left(scope);
      return value;
    }, (error) => {
      this.#left(scope);
      throw error;
    });
  }

  /** Code of a stream that has waited has come to its end. */
  #left(scope: StreamScope): void {
    this.#watch.gone(scope);
    if (this.#lock.holder === scope) this.#agenda.unlock();
    else if (this.#cell.state === "stopping") this.#agenda.schedule();
  }
}
