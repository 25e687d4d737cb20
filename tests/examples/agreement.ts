/** The share of pixels, 0-1, whose channels differ by at most `tolerance`. */
export function agreement(a: Uint32Array, b: Uint32Array, tolerance: number): number {
  const bytesOfA = new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
  const bytesOfB = new Uint8Array(b.buffer, b.byteOffset, b.byteLength);
  let close = 0;
  for (let i = 0; i < bytesOfA.length; i += 4) {
    const channels = [0, 1, 2, 3];
    if (channels.every((c) => Math.abs(bytesOfA[i + c]! - bytesOfB[i + c]!) <= tolerance)) close++;
  }
  return close / a.length;
}
