/** Notices a process that takes too much memory: V8 bounds its heap alone, and ArrayBuffers are not in that. */

/** How often to look, in milliseconds: pages are filled at some GB a second. */
const LOOK_MS = 100;

/** What V8 takes beside the heap of old objects: young ones, and code. */
const OVERHEAD_BYTES = 64 * 2 ** 20;

/** How much larger a process becomes while V8 collects the heap and the buffers that it has dropped: measured. */
const GARBAGE_FACTOR = 2;

/** How much a process may grow whose heap may have so many bytes. */
export function growthAllowed(memoryLimitBytes: number): number {
  return GARBAGE_FACTOR * memoryLimitBytes + OVERHEAD_BYTES;
}

/** Looks now and then how much this process has grown since the watch was made. */
export class MemoryWatch {
  readonly #timer: ReturnType<typeof setInterval>;

  /**
   * @param allowed By how many bytes it may grow.
   * @param past Called, once, with how many it has grown by.
   * @param size The bytes of memory that the process has.
   */
  constructor(allowed: number, past: (growth: number) => void, size: () => number = residentBytes) {
    const before = size();
    this.#timer = setInterval(() => {
      const growth = size() - before;
      if (growth <= allowed) return;
      this.stop();
      past(growth);
    }, LOOK_MS);
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Bytes for people. */
export function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

function residentBytes(): number {
  return Deno.memoryUsage().rss;
}
