/** A bare MessagePort ping-pong with a worker: the baseline of calls across pools. @module */

/** Bytes of a small call's frame and of its answer. */
const FRAME_BYTES = 56;

/** A worker that echoes. */
export class BarePort implements Disposable {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #frame = new Uint8Array(FRAME_BYTES);
  readonly #waiting: (() => void)[] = [];
  #head = 0;

  constructor() {
    this.#worker = new Worker(new URL("./bare_worker.ts", import.meta.url), { type: "module" });
    const { port1, port2 } = new MessageChannel();
    this.#worker.postMessage(port2, [port2]);
    this.#port = port1;
    this.#port.onmessage = () => {
      const resolve = this.#waiting[this.#head++]!;
      if (this.#head === this.#waiting.length) this.#head = this.#waiting.length = 0;
      resolve();
    };
  }

  /** One message there and one back. */
  call(): Promise<void> {
    return this.send(this.#frame);
  }

  /** Some bytes there and the same back, copied each way. */
  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#port.postMessage(bytes);
    });
  }

  /** Ends the worker. */
  [Symbol.dispose](): void {
    this.#port.close();
    this.#worker.terminate();
  }
}
