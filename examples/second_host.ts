/** A second host in a process of its own, which ends with the first. @module */

/** A running `deno task serve`. */
export interface SecondHost extends AsyncDisposable {
  /** Its gateway: what to join. */
  readonly url: string;
}

/** What the second host is started with. */
export interface SecondHostOptions {
  /** Worker pools. */
  readonly workers: number;
  /** The secret that both hosts show. */
  readonly token: string;
  /** URLs of modules whose actors may be created there. */
  readonly modules: readonly string[];
}

/**
 * Starts it and waits until it says where it listens.
 *
 * @throws {Error} with what it printed, if it ends instead.
 */
export async function startSecondHost(options: SecondHostOptions): Promise<SecondHost> {
  const tokenFile = await Deno.makeTempFile({ prefix: "dramatis-token-" });
  try {
    await Deno.writeTextFile(tokenFile, options.token);
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--allow-all",
        new URL("../src/cli/serve.ts", import.meta.url).href,
        ...["--port", "0", "--gpu", "off", "--workers", String(options.workers)],
        ...["--token-file", tokenFile],
        ...options.modules.flatMap((module) => ["--modules", module]),
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const output = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const url = await readUrl(output);
    const drained = drain(output);
    return {
      url,
      async [Symbol.asyncDispose]() {
        process.kill("SIGTERM");
        await Promise.all([process.status, drained]);
      },
    };
  } finally {
    await Deno.remove(tokenFile);
  }
}

async function readUrl(output: ReadableStreamDefaultReader<string>): Promise<string> {
  let text = "";
  while (true) {
    const { done, value } = await output.read();
    if (done) throw new Error(`The second host ended before it listened: ${text}`);
    text += value;
    const url = /listens on (ws:\/\/\S+)\s/.exec(text)?.[1];
    if (url !== undefined) return url;
  }
}

/** What nobody reads would fill the pipe and stop the writer. */
async function drain(output: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await output.read()).done);
}
