/** Signals that stop a command, with the exit codes that shells give them: 128 and the number. */
const SIGNALS: readonly (readonly [Deno.Signal, number])[] = Deno.build.os === "windows"
  ? [["SIGINT", 130]]
  : [["SIGINT", 130], ["SIGTERM", 143]];

/** The wish to stop: Ctrl-C, SIGTERM, or `request()`. A second signal ends the process at once. */
export class StopSignal implements Disposable {
  readonly #requested = Promise.withResolvers<void>();
  readonly #listeners: readonly (readonly [Deno.Signal, () => void])[];
  #signals = 0;

  constructor() {
    this.#listeners = SIGNALS.map(([signal, code]) => [signal, () => this.#take(code)]);
    for (const [signal, listener] of this.#listeners) Deno.addSignalListener(signal, listener);
  }

  /** Resolves when something asks to stop. */
  get requested(): Promise<void> {
    return this.#requested.promise;
  }

  /** Asks to stop; does not count as a signal. */
  request(): void {
    this.#requested.resolve();
  }

  /** Leaves signals to whoever had them before. */
  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }

  #take(code: number): void {
    if (++this.#signals > 1) Deno.exit(code);
    this.request();
  }
}
