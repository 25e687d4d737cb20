// Exclusive prefix sums: up-sweep and down-sweep per block in workgroup memory, then the blocks' sums.
const BLOCK : u32 = 128u;
const LAST = BLOCK - 1;
const_assert BLOCK % 2 == 0;

@group(0) @binding(0) var<storage, read_write> data : array<u32>;
@group(0) @binding(1) var<storage, read_write> sums : array<u32>;
var<workgroup> temp : array<u32, BLOCK>;

fn sweep(t : u32) {
  for (var stride = 1u; stride < BLOCK; stride *= 2) {
    let i = (t + 1) * stride * 2 - 1;
    if (i < BLOCK) { temp[i] += temp[i - stride]; }
    workgroupBarrier();
  }
  if (t == 0) { temp[LAST] = 0; }
  workgroupBarrier();
  for (var stride = BLOCK / 2; stride > 0; stride /= 2) {
    let i = (t + 1) * stride * 2 - 1;
    if (i < BLOCK) {
      let left = temp[i - stride];
      temp[i - stride] = temp[i];
      temp[i] += left;
    }
    workgroupBarrier();
  }
}

@compute @workgroup_size(BLOCK)
fn blocks(
  @builtin(global_invocation_id) id : vec3u,
  @builtin(local_invocation_id) local : vec3u,
  @builtin(workgroup_id) group : vec3u,
) {
  let inside = id.x < arrayLength(&data);
  let mine = select(0u, data[id.x], inside);
  temp[local.x] = mine;
  workgroupBarrier();
  sweep(local.x);
  if (inside) { data[id.x] = temp[local.x]; }
  if (local.x == LAST) { sums[group.x] = temp[LAST] + mine; }
}

@compute @workgroup_size(BLOCK)
fn top(@builtin(local_invocation_id) local : vec3u) {
  temp[local.x] = select(0u, sums[local.x], local.x < arrayLength(&sums));
  workgroupBarrier();
  sweep(local.x);
  if (local.x < arrayLength(&sums)) { sums[local.x] = temp[local.x]; }
}

@compute @workgroup_size(BLOCK)
fn add(@builtin(global_invocation_id) id : vec3u, @builtin(workgroup_id) group : vec3u) {
  if (id.x < arrayLength(&data)) { data[id.x] += sums[group.x]; }
}
