/**
 * `deno task call`: calls a method of an actor and prints its result as JSON, a stream line by line.
 *
 * ```sh
 * deno task call ws://127.0.0.1:7300 c1 add '[1]' --token-file secret
 * ```
 */
import { parseArgs } from "node:util";
import { ACCESS_OPTIONS, ACCESS_USAGE, accessOf } from "./access.ts";
import { ApiClient, ApiError } from "./api_client.ts";
import { printable, runCommand, write } from "./command.ts";
import { UsageError } from "./serve_flags.ts";

const USAGE = `Usage: deno task call URL UID METHOD [ARGUMENTS] [options]

  URL               of the host, as serve prints it: ws://host:port
  ARGUMENTS         a JSON list, such as '[1, "two"]' (default: [])
  --tell            send the message and do not wait for an answer
  --timeout-ms N    give up after so long
  --host ID         the host that the actor is on, if it is another one
${ACCESS_USAGE}
  --help            this text

Prints the result as JSON, of a stream each item on a line. Exits with 1 if the call fails, with 2 if it
cannot be understood.`;

const OPTIONS = {
  help: { type: "boolean" },
  tell: { type: "boolean" },
  "timeout-ms": { type: "string" },
  host: { type: "string" },
  ...ACCESS_OPTIONS,
} as const;

/** Runs the command; resolves to its exit code. */
export function call(args: readonly string[]): Promise<number> {
  return runCommand(async () => {
    const { values, positionals } = parse(args);
    if (values.help === true) return await write(`${USAGE}\n`);
    const [url, uid, method, text = "[]", ...more] = positionals;
    if (url === undefined || uid === undefined || method === undefined || more.length > 0) {
      throw new UsageError("call takes URL UID METHOD and a JSON list of arguments; see --help");
    }
    const client = new ApiClient(url, await accessOf(values));
    const query = new URLSearchParams();
    if (values.host !== undefined) query.set("host", values.host);
    if (values["timeout-ms"] !== undefined) query.set("timeoutMs", values["timeout-ms"]);
    const tell = values.tell === true ? "/tell" : "";
    const path = `/actors/${encodeURIComponent(uid)}/${encodeURIComponent(method)}${tell}?${query}`;
    await print(await client.post(path, argumentsOf(text)));
  });
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(/\. |\.?\n/)[0]}; see --help`);
  }
}

function argumentsOf(text: string): unknown[] {
  let args: unknown;
  try {
    args = JSON.parse(text);
  } catch {
    // Said below.
  }
  if (Array.isArray(args)) return args;
  throw new UsageError(`The arguments are a JSON list, such as '[1, "two"]'; got ${text}`);
}

async function print(response: Response): Promise<void> {
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("application/jsonl")) return await printStream(response);
  if (response.status === 202) return await response.body?.cancel();
  const { value } = await response.json() as { value?: unknown };
  if (value !== undefined) await write(`${JSON.stringify(value)}\n`);
}

/** What a line of a stream says. */
interface Line {
  readonly value?: unknown;
  readonly end?: true;
  readonly error?: { readonly detail?: unknown };
}

async function printStream({ body }: Response): Promise<void> {
  for await (const line of linesOf(body!)) {
    const { value, end, error } = JSON.parse(line) as Line;
    if (end === true) return;
    if (error !== undefined) throw new ApiError(printable(String(error.detail)));
    await write(`${JSON.stringify(value)}\n`);
  }
  throw new ApiError("The stream broke off");
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

if (import.meta.main) Deno.exit(await call(Deno.args));
