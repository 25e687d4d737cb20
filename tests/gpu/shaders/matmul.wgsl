// C = A B in tiles of workgroup memory; sizes need not be multiples of a tile.
struct Sizes {
  m : u32,
  k : u32,
  n : u32,
}
@group(0) @binding(0) var<storage, read> a : array<f32>;
@group(0) @binding(1) var<storage, read> b : array<f32>;
@group(1) @binding(0) var<storage, read_write> c : array<f32>;
@group(2) @binding(0) var<uniform> sizes : Sizes;

const TILE = 8;
var<workgroup> tileA : array<array<f32, TILE>, TILE>;
var<workgroup> tileB : array<array<f32, TILE>, TILE>;

@compute @workgroup_size(TILE, TILE)
fn multiply(
  @builtin(workgroup_id) group : vec3u,
  @builtin(local_invocation_id) local : vec3u,
) {
  let row = group.y * TILE + local.y;
  let column = group.x * TILE + local.x;
  var sum = 0.0;
  for (var start = 0u; start < sizes.k; start += TILE) {
    let i = start + local.x;
    let j = start + local.y;
    tileA[local.y][local.x] = select(0.0, a[min(row * sizes.k + i, arrayLength(&a) - 1)],
      row < sizes.m && i < sizes.k);
    tileB[local.y][local.x] = select(0.0, b[min(j * sizes.n + column, arrayLength(&b) - 1)],
      j < sizes.k && column < sizes.n);
    workgroupBarrier();
    for (var t = 0; t < TILE; t++) { sum = fma(tileA[local.y][t], tileB[t][local.x], sum); }
    workgroupBarrier();
  }
  if (row < sizes.m && column < sizes.n) { c[row * sizes.n + column] = sum; }
}
