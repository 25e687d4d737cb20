/** Where numbers of data start to be counted: no other pool has the same, nor has a later one at its address. */
export function firstId(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  // Below half of what is exact, so that there is room to count.
  return (high! >>> 12) * 2 ** 32 + low!;
}
