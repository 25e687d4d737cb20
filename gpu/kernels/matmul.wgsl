// out = a b, row by row: a has m rows of k numbers, b k rows of n, out m rows of n. The CPU twin is in
// matmul.ts.
//
// A workgroup computes a square of TILE numbers a side, each invocation PATCH times PATCH of them, so
// that each number it loads from workgroup memory takes part in PATCH products (V. Volkov and
// J. Demmel, "Benchmarking GPUs to tune dense linear algebra", SC 2008).

struct Params {
  m: u32, // rows of a and out
  k: u32, // columns of a, rows of b
  n: u32, // columns of b and out
}

// The part of k that this dispatch adds, after those before it: a loop has its limits on some devices.
struct Span {
  start: u32,
  end: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
@group(0) @binding(4) var<uniform> span: Span;

override SIDE = 16u; // invocations along a side of a workgroup
const PATCH = 4u; // numbers along a side of what one invocation computes
override TILE = SIDE * PATCH;
override DEPTH = 16u; // numbers of k that are in workgroup memory at a time
override LOADS = PATCH * DEPTH / SIDE; // numbers of each matrix that one invocation brings there: whole

var<workgroup> partOfA: array<f32, TILE * DEPTH>; // [k][row]
var<workgroup> partOfB: array<f32, TILE * DEPTH>; // [k][column]

@compute @workgroup_size(SIDE, SIDE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let across = (p.n + TILE - 1u) / TILE;
  let tile = group.y * groups.x + group.x;
  let top = tile / across * TILE;
  let left = tile % across * TILE;
  if (top >= p.m) {
    return;
  }
  var sums: array<vec4f, PATCH>; // one row each
  if (span.start > 0u) {
    for (var i = 0u; i < PATCH; i++) {
      let row = top + local.y + i * SIDE;
      var before = vec4f();
      for (var j = 0u; j < PATCH; j++) {
        let column = left + local.x + j * SIDE;
        if (row < p.m && column < p.n) {
          before[j] = out[row * p.n + column];
        }
      }
      sums[i] = before;
    }
  }
  for (var start = span.start; start < span.end; start += DEPTH) {
    for (var load = 0u; load < LOADS; load++) {
      let i = load * SIDE * SIDE + index;
      let row = top + i / DEPTH;
      let inner = start + i % DEPTH;
      var value = 0.0;
      if (row < p.m && inner < span.end) {
        value = a[row * p.k + inner];
      }
      partOfA[i % DEPTH * TILE + i / DEPTH] = value;
    }
    for (var load = 0u; load < LOADS; load++) {
      let i = load * SIDE * SIDE + index;
      let inner = start + i / TILE;
      let column = left + i % TILE;
      var value = 0.0;
      if (inner < span.end && column < p.n) {
        value = b[inner * p.n + column];
      }
      partOfB[i] = value;
    }
    workgroupBarrier();
    for (var inner = 0u; inner < DEPTH; inner++) {
      // Neighbours take neighbouring columns, and rows and columns SIDE apart.
      let at = inner * TILE;
      let columns = vec4f(
        partOfB[at + local.x],
        partOfB[at + local.x + SIDE],
        partOfB[at + local.x + 2u * SIDE],
        partOfB[at + local.x + 3u * SIDE],
      );
      sums[0] += partOfA[at + local.y] * columns;
      sums[1] += partOfA[at + local.y + SIDE] * columns;
      sums[2] += partOfA[at + local.y + 2u * SIDE] * columns;
      sums[3] += partOfA[at + local.y + 3u * SIDE] * columns;
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < PATCH; i++) {
    let row = top + local.y + i * SIDE;
    for (var j = 0u; j < PATCH; j++) {
      let column = left + local.x + j * SIDE;
      if (row < p.m && column < p.n) {
        out[row * p.n + column] = sums[i][j];
      }
    }
  }
}
