/** Milliseconds that a stream may hold the event loop before timers and links get their turn. */
const SLICE_MS = 10;

/** Lets the event loop in between the steps of streams, which else go on in microtasks for ever. */
export class Pace {
  /** Since when the event loop waits, as far as is known. */
  #since = 0;
  readonly #turned = (): void => {
    this.#since = 0;
  };

  /** To be awaited now and then by whoever goes on and on; `undefined` if there is no hurry. */
  breath(): Promise<void> | undefined {
    if (this.#since === 0) {
      this.#since = performance.now();
      setImmediate(this.#turned);
      return undefined;
    }
    if (performance.now() - this.#since < SLICE_MS) return undefined;
    return new Promise((resolve) => setImmediate(resolve));
  }
}
