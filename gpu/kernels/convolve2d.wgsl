// out = x convolved with a filter, both row by row; out is as large as x. The CPU twin is in
// convolve2d.ts.

struct Params {
  width: u32, // of x and out
  height: u32, // of x and out
  filterWidth: u32, // odd
  filterHeight: u32, // odd
  clamp: u32, // beyond the edge of x, 0: there are zeroes, 1: the edge goes on
}

// The part of the filter that this dispatch adds, after those before it: a loop has its limits on some
// devices.
struct Part {
  row: u32,
  rows: u32, // up to before this one
  column: u32,
  columns: u32, // up to before this one
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
@group(0) @binding(4) var<uniform> part: Part;

const SIDE = 16u; // of the square that a workgroup computes

fn pixel(column: i32, row: i32) -> f32 {
  let last = vec2i(i32(p.width), i32(p.height)) - 1;
  let at = clamp(vec2i(column, row), vec2i(0), last);
  if (p.clamp == 0u && (at.x != column || at.y != row)) {
    return 0.0;
  }
  return x[u32(at.y) * p.width + u32(at.x)];
}

@compute @workgroup_size(SIDE, SIDE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let across = (p.width + SIDE - 1u) / SIDE;
  let square = group.y * groups.x + group.x;
  let column = square % across * SIDE + local.x;
  let row = square / across * SIDE + local.y;
  if (column >= p.width || row >= p.height) {
    return;
  }
  // The middle of the filter lies on the pixel, and what is right in it weighs what is left in x.
  let right = i32(column + p.filterWidth / 2u);
  let bottom = i32(row + p.filterHeight / 2u);
  let at = row * p.width + column;
  var sum = 0.0;
  if (part.row > 0u || part.column > 0u) {
    sum = out[at];
  }
  for (var j = part.row; j < part.rows; j++) {
    for (var i = part.column; i < part.columns; i++) {
      sum += weights[j * p.filterWidth + i] * pixel(right - i32(i), bottom - i32(j));
    }
  }
  out[at] = sum;
}
