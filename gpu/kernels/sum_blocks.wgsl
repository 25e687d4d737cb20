// One sum per block of BLOCK elements: sums[b] = x[b * BLOCK] + … Run again on the sums to go on.
// Threads: one per element. Sums: ceil(elements / BLOCK).
const BLOCK: u32 = 256;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

var<workgroup> part: array<f32, BLOCK>;

@compute @workgroup_size(BLOCK)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) block: vec3u,
) {
  let t = local.x;
  part[t] = select(0.0, x[min(id.x, arrayLength(&x) - 1)], id.x < arrayLength(&x));
  workgroupBarrier();
  for (var half = BLOCK / 2; half > 0; half /= 2) {
    if (t < half) {
      part[t] += part[t + half];
    }
    workgroupBarrier();
  }
  if (t == 0 && block.x < arrayLength(&sums)) {
    sums[block.x] = part[0];
  }
}
