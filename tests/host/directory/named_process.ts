import assert from "node:assert/strict";

/** A host in a process of its own, which holds the name `leader`. */
export class NamedProcess implements AsyncDisposable {
  readonly id: number;
  readonly address: string;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, id: number, address: string) {
    this.#child = child;
    this.id = id;
    this.address = address;
  }

  /** @param args Those of the fixture: where its directory is. */
  static async start(...args: string[]): Promise<NamedProcess> {
    const script = new URL("../../fixtures/named_host.ts", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--allow-all", script, ...args],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    let text = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes("\n")) break;
    }
    const { id, address } = JSON.parse(text);
    return new NamedProcess(child, id, address);
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill();
    } catch (error) {
      // It has ended already.
      assert(error instanceof TypeError || error instanceof Deno.errors.NotFound, String(error));
    }
    await this.#child.status;
  }
}
