// out = x with rows and columns exchanged. The CPU twin is in transpose.ts, which puts before this what
// T is.
//
// A workgroup turns a square of TILE numbers a side in its own memory, so that both the reads and the
// writes of neighbours are neighbours (G. Ruetsch and P. Micikevicius, "Optimizing Matrix Transpose in
// CUDA", NVIDIA 2009).

struct Params {
  rows: u32, // of x
  columns: u32, // of x
}

@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> out: array<T>;
@group(0) @binding(2) var<uniform> p: Params;

const TILE = 32u;
const HEIGHT = 8u; // rows that a workgroup moves at a time
const PITCH = TILE + 1u; // so that the numbers of a column are in different banks

var<workgroup> square: array<T, TILE * PITCH>;

@compute @workgroup_size(TILE, HEIGHT)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let across = (p.columns + TILE - 1u) / TILE;
  let tile = group.y * groups.x + group.x;
  let top = tile / across * TILE;
  let left = tile % across * TILE;
  if (top >= p.rows) {
    return;
  }
  for (var y = local.y; y < TILE; y += HEIGHT) {
    if (top + y < p.rows && left + local.x < p.columns) {
      square[y * PITCH + local.x] = x[(top + y) * p.columns + left + local.x];
    }
  }
  workgroupBarrier();
  for (var y = local.y; y < TILE; y += HEIGHT) {
    if (left + y < p.columns && top + local.x < p.rows) {
      out[(left + y) * p.rows + top + local.x] = square[local.x * PITCH + y];
    }
  }
}
