/** Streams in values that nobody takes. */
import assert from "node:assert/strict";
import { dropStreams, RemoteStream, type StreamHost } from "../../src/actor/remote_stream.ts";

/** How many of its streams have been given up. */
class Producer implements StreamHost {
  dropped = 0;

  offer(): RemoteStream<unknown> {
    return new RemoteStream({ host: 1, pool: 1 }, 1, this);
  }
  read(): AsyncIterator<unknown> {
    const over = Promise.resolve({ done: true, value: undefined } as const);
    return {
      next: () => over,
      return: () => {
        this.dropped++;
        return over;
      },
    };
  }
}

Deno.test("dropStreams: finds the streams wherever they are in a value, each once", () => {
  const producer = new Producer();
  const twice = producer.offer();
  const value = {
    list: [twice, { deep: twice }],
    set: new Set([producer.offer()]),
    map: new Map<unknown, unknown>([["value", producer.offer()], [producer.offer(), 1]]),
    bytes: new Uint8Array(8),
    circle: null as unknown,
  };
  value.circle = value;
  dropStreams([value]);
  assert.equal(producer.dropped, 4);
});

Deno.test("dropStreams: a value may have any number of parts", () => {
  const producer = new Producer();
  const numbers = Array.from({ length: 300_000 }, (_, i) => i);
  const map = new Map<unknown, unknown>(numbers.map((i) => [i, i]));
  map.set("stream", producer.offer());
  const record: Record<string, unknown> = Object.fromEntries(numbers.map((i) => [`k${i}`, i]));
  record.stream = producer.offer();
  dropStreams([map, record, numbers, new Set(numbers)]);
  assert.equal(producer.dropped, 2);
});
