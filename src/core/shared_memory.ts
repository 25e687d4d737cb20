/** Memory that threads share. Browsers have it on few pages; on the others no value is such memory. */

const Shared = (globalThis as { SharedArrayBuffer?: SharedArrayBufferConstructor })
  .SharedArrayBuffer;

/** Whether a value is such memory. */
export function isSharedMemory(value: unknown): value is SharedArrayBuffer {
  return Shared !== undefined && value instanceof Shared;
}

/** How many bytes such memory has, as it itself knows; `undefined` where there is none. */
export const sharedByteLength: ((this: unknown) => unknown) | undefined = Shared === undefined
  ? undefined
  : Object.getOwnPropertyDescriptor(Shared.prototype, "byteLength")!.get;

/** New memory to share; plain memory where there are no threads to share it with. */
export function newSharedMemory(bytes: number): SharedArrayBuffer {
  return Shared === undefined
    ? new ArrayBuffer(bytes) as unknown as SharedArrayBuffer
    : new Shared(bytes);
}
