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
 * Starts it and waits until it says where it listens. It ends when its standard input does, and so
 * with this process, however this one ends; the token goes the same way and is never in a file.
 *
 * @throws {Error} with what it printed, if it ends instead.
 */
export async function startSecondHost(options: SecondHostOptions): Promise<SecondHost> {
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      new URL("../src/cli/serve.ts", import.meta.url).href,
      ...["--port", "0", "--gpu", "off", "--workers", String(options.workers)],
      // What it computes takes as long as the machine needs.
      ...["--slow-ms", "0"],
      ...["--token-file", "-", "--until-stdin-closes"],
      ...options.modules.flatMap((module) => ["--modules", module]),
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = process.stdin.getWriter();
  const output = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  // If it has ended already, what it printed says more than that it does not read.
  await input.write(new TextEncoder().encode(`${options.token}\n`)).catch(() => {});
  const end = async () => {
    await input.close().catch(() => {});
    await Promise.all([process.status, drain(output)]);
  };
  try {
    return { url: await readUrl(output), [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function readUrl(output: ReadableStreamDefaultReader<string>): Promise<string> {
  let text = "";
  while (true) {
    const { done, value } = await output.read();
    if (done) throw new Error(`the second host ended before it listened: ${text}`);
    text += value;
    const url = /listens on (ws:\/\/\S+)\s/.exec(text)?.[1];
    if (url !== undefined) return url;
  }
}

async function drain(output: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await output.read()).done);
}
