/** Streams of actors as streams of HTTP: one chunk for each item, as fast as the client reads. */
import type { RemoteStream } from "../../actor/remote_stream.ts";
import { type Problem, problemOf } from "./problem.ts";
import { type Json, letGo, toJson } from "./to_json.ts";

/** How items, the end and a failure are written. */
interface StreamFormat {
  readonly contentType: string;
  item(value: Json): string;
  end(): string;
  error(problem: Problem): string;
}

/** Server-sent events: `data:` for each item, then an event `end` or `error`. */
const EVENTS: StreamFormat = {
  contentType: "text/event-stream",
  item: (value) => `data: ${JSON.stringify(value)}\n\n`,
  end: () => "event: end\ndata: {}\n\n",
  error: (problem) => `event: error\ndata: ${JSON.stringify(problem)}\n\n`,
};

/** One JSON object a line: so what was cut off can be told from what has ended. */
const LINES: StreamFormat = {
  contentType: "application/jsonl",
  item: (value) => `${JSON.stringify({ value })}\n`,
  end: () => '{"end":true}\n',
  error: (problem) => `${JSON.stringify({ error: problem })}\n`,
};

/**
 * The response that has a stream's items. A client that goes away ends the stream, and the producer's
 * `finally` runs.
 *
 * @param accept The request's `Accept`: server-sent events if it names them, else JSON lines.
 */
export function streamResponse(stream: RemoteStream<unknown>, accept: string): Response {
  const format = accept.includes(EVENTS.contentType) ? EVENTS : LINES;
  const iterator = stream[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { text, isLast } = await next(iterator, format);
      // Whoever has gone away meanwhile has closed it.
      try {
        controller.enqueue(encoder.encode(text));
        if (isLast) controller.close();
      } catch {
        await leave(iterator);
      }
    },
    cancel: () => leave(iterator),
  }, { highWaterMark: 0 });
  const headers = { "content-type": format.contentType, "cache-control": "no-store" };
  return new Response(body, { headers });
}

async function next(
  iterator: AsyncIterator<unknown>,
  format: StreamFormat,
): Promise<{ text: string; isLast: boolean }> {
  try {
    const { done, value } = await iterator.next();
    if (done === true) return { text: format.end(), isLast: true };
    try {
      return { text: format.item(toJson(value, "item")), isLast: false };
    } catch (error) {
      letGo(value);
      await leave(iterator);
      throw error;
    }
  } catch (error) {
    return { text: format.error(problemOf(error)), isLast: true };
  }
}

/** What the producer's end throws is nobody's any more. */
async function leave(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The client is gone.
  }
}
