import { stripVTControlCharacters } from "node:util";
import type { ExitKind } from "../core/host_errors.ts";

/** How a child has ended. */
export interface ChildExit {
  readonly kind: ExitKind;
  readonly reason: string;
}

/** What is kept of a child's standard error: V8 says why it gives up, then prints a long stack. */
const TAIL_LENGTH = 16_000;

/** What of that is worth a place in an error, in characters. */
const LAST_WORDS_LENGTH = 1000;

/** How long to wait for the rest of standard error, which other processes may have inherited. */
const DRAIN_MS = 200;

/** A `deno` process that this one has started. Its standard error is passed on, and its end kept. */
export class ChildProcess {
  /** Resolves, once, when it has ended. */
  readonly exit: Promise<ChildExit>;
  readonly #process: Deno.ChildProcess;
  #tail = "";

  /**
   * Starts it.
   *
   * @param script What it runs; given to its standard input, where nobody else sees it.
   */
  constructor(command: Deno.Command, script: string) {
    this.#process = command.spawn();
    const drained = this.#passOn(this.#process.stderr.getReader());
    this.exit = this.#awaitExit(drained);
    void this.#write(script);
  }

  /** Ends it, whatever it does. */
  kill(): void {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  }

  async #write(script: string): Promise<void> {
    try {
      await new Blob([script]).stream().pipeTo(this.#process.stdin);
    } catch {
      // It has ended before it has read it.
    }
  }

  async #passOn(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const text = decoder.decode(next.value, { stream: true });
      this.#tail = (this.#tail + text).slice(-TAIL_LENGTH);
      await printError(next.value);
    }
  }

  async #awaitExit(drained: Promise<void>): Promise<ChildExit> {
    const status = await this.#process.status;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, DRAIN_MS));
    await Promise.race([drained, late]).finally(() => clearTimeout(timer));
    return this.#describe(status);
  }

  #describe({ code, signal }: Deno.CommandStatus): ChildExit {
    const said = stripVTControlCharacters(this.#tail);
    const [memory] = /^.*JavaScript.* out of memory.*$/m.exec(said) ?? [];
    if (memory !== undefined) {
      return {
        kind: "memory",
        reason: `its heap was exhausted (${memory.replace(/^[#\s]+/, "")}): ` +
          "keep less, or raise memoryLimitBytes",
      };
    }
    if (signal === "SIGKILL") {
      return { kind: "killed", reason: "somebody, or the system for want of memory, sent SIGKILL" };
    }
    if (signal === "SIGTERM" || signal === "SIGINT") {
      return { kind: "killed", reason: `somebody sent ${signal}` };
    }
    const words = said.trim().slice(-LAST_WORDS_LENGTH);
    const lastWords = words === "" ? "" : `; the last that it said:\n${words}`;
    return signal === null
      ? { kind: "exit", reason: `it exited with code ${code}${lastWords}` }
      : { kind: "error", reason: `it crashed with ${signal}${lastWords}` };
  }
}

async function printError(bytes: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) at += await Deno.stderr.write(bytes.subarray(at));
  } catch {
    // Nobody reads it.
  }
}
