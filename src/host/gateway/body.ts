import { Problem } from "./problem.ts";

/** Milliseconds in which a body must come: who is slower holds a request for nothing. */
const BODY_TIMEOUT_MS = 30_000;

/**
 * The JSON in a request's body; `undefined` if it is empty.
 *
 * @param most Bytes that it may have.
 * @throws {Problem} if it is too large, too slow, or not JSON.
 */
export async function readJson(request: Request, most: number): Promise<unknown> {
  const bytes = await readBytes(request, most);
  if (bytes.length === 0) return undefined;
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  // Not what a form of a web page can send, nor what curl sends unless it is told to.
  if (!/^application\/([\w.-]+\+)?json$/.test(type)) {
    throw new Problem(
      415,
      "bad-request",
      "Content-Type: application/json is wanted (curl --json does it)",
    );
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new Problem(400, "bad-request", `The body is not JSON: ${(error as Error).message}`);
  }
}

async function readBytes(request: Request, most: number): Promise<Uint8Array> {
  // Before any of it is read.
  if (Number(request.headers.get("content-length") ?? 0) > most) throw tooLarge(most);
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    giveUp(reader);
  }, BODY_TIMEOUT_MS);
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.length;
      if (size > most) throw tooLarge(most);
      chunks.push(part.value);
    }
  } catch (error) {
    giveUp(reader);
    throw error instanceof Problem ? error : new Problem(400, "bad-request", "The body broke off");
  } finally {
    clearTimeout(timer);
  }
  // Whoever reads a body that was cancelled sees its end.
  if (isLate) throw new Problem(408, "body", `The body did not come in ${BODY_TIMEOUT_MS} ms`);
  return concat(chunks, size);
}

function giveUp(reader: ReadableStreamDefaultReader<Uint8Array>): void {
  reader.cancel().catch(() => {});
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.length;
  }
  return all;
}

function tooLarge(most: number): Problem {
  return new Problem(413, "body", `The body may have ${most} bytes (listen.limits.bodyBytes)`);
}
