import { startHost, workerPool, device, onPool } from "@dramatis/dramatis";
import { gpuPool, kernel } from "@dramatis/dramatis/gpu";
export const saxpy = kernel<{x: Float32Array, y: Float32Array, p: {a: number, n: number}}, "y">(import.meta, "saxpy", {
  wgsl: `struct P { a: f32, n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: P;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3u) { if (g.x < p.n) { y[g.x] = p.a * x[g.x] + y[g.x]; } }`,
  cpu: ({ x, y, p }) => { for (let i = 0; i < p.n; i++) y[i] = p.a * x[i]! + y[i]!; },
});
if (import.meta.main) {
await using host = await startHost({ pools: [workerPool({ count: 1 }), gpuPool()] });
console.log(host.pools().map((p) => p.name + " " + p.device.name));
const a = await host.createActor(saxpy, []);
const t = await host.createActor(saxpy, [], { place: onPool("worker-1") });
const x = Float32Array.of(1, 2, 3), y = Float32Array.of(1, 1, 1);
console.log(await a.compute({ x, y, p: { a: 2, n: 3 } }), await t.compute({ x, y, p: { a: 2, n: 3 } }), host.poolOf(a).device.kind);
const r = await a.run({ x, y, p: { a: 2, n: 3 } });
console.log(r, await r.y.read());
const r2 = await a.run({ x: r.y, y, p: { a: 2, n: 3 } });
console.log(await r2.y.read(), await (await t.run({ x: r.y, y, p: { a: 2, n: 3 } })).y.read());
r.y.dispose();
try { await a.compute({ x, y: new Uint8Array(3) as never, p: { a: 1, n: 3 } }) } catch (e) { console.log(e) }
}
