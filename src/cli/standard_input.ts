/** A secret is a line; who sends more without a line's end did not mean to. In bytes. */
const MAX_LINE_BYTES = 64 * 1024;
const NEWLINE = 10;

/** Standard input, from its first use on: its first line, and its end. */
export class StandardInput {
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  /**
   * Reads the first line, without its end. To be called once, before {@linkcode ended}.
   *
   * @throws {RangeError} if it is longer than 64 KiB.
   */
  async firstLine(): Promise<string> {
    const bytes: number[] = [];
    while (!bytes.includes(NEWLINE)) {
      const { done, value } = await this.#read();
      if (done) break;
      bytes.push(...value);
      if (bytes.length > MAX_LINE_BYTES) throw new RangeError("the line is too long");
    }
    const [line = ""] = new TextDecoder().decode(Uint8Array.from(bytes)).split("\n");
    return line;
  }

  /** Waits for the end; what comes before it is not looked at. */
  async ended(): Promise<void> {
    while (!(await this.#read()).done);
  }

  #read(): Promise<ReadableStreamReadResult<Uint8Array>> {
    this.#reader ??= Deno.stdin.readable.getReader();
    return this.#reader.read();
  }
}
