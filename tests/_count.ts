const orig = MessagePort.prototype.postMessage;
let posts = 0, bytes = 0, ms = 0;
MessagePort.prototype.postMessage = function (...a: any[]) {
  posts++;
  bytes += a[0]?.byteLength ?? 0;
  const t = performance.now();
  const r = (orig as any).apply(this, a);
  ms += performance.now() - t;
  return r;
};
const { startHost, onPool, workerPool } = await import("@dramatis/dramatis");
const { Adder } = await import("../bench/actors.ts");
const { inFlight } = await import("../bench/harness.ts");
const host = await startHost({ pools: [workerPool({ count: 1 })] });
const a = await host.createActor(Adder, [], { place: onPool(1) });
const n = 1_000_000;
await inFlight(1000, 200000, () => a.add(1));
posts = bytes = ms = 0;
const t = performance.now();
await inFlight(1000, n, () => a.add(1));
const el = performance.now() - t;
console.log(n / el * 1000, {
  posts,
  perPost: n / posts,
  bytesPerCall: bytes / n,
  msInPost: ms,
  el,
});
await host.stop();
