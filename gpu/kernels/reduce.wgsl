// out[0] = x[0] ∘ x[1] ∘ …: `blocks` leaves one result for each of its workgroups, then one workgroup
// of `total` combines those. The CPU twin is in reduce.ts, which puts before this what T is, and
// fn combine(a: T, b: T) -> T.
//
// The order depends on the number of elements alone, so that results repeat (M. Harris, "Optimizing
// Parallel Reduction in CUDA", NVIDIA 2007).

struct Params {
  n: u32, // elements of x, which may be none
  identity: T, // changes nothing that it is combined with
}

@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> partial: array<T>; // one per workgroup of `blocks`
@group(0) @binding(2) var<storage, read_write> out: array<T>;
@group(0) @binding(3) var<uniform> p: Params;

const THREADS = 256u;

var<workgroup> lanes: array<T, THREADS>;

// All values of a workgroup as one, which its first invocation gets.
fn combined(t: u32, value: T) -> T {
  lanes[t] = value;
  workgroupBarrier();
  for (var half = THREADS / 2u; half > 0u; half /= 2u) {
    if (t < half) {
      lanes[t] = combine(lanes[t], lanes[t + half]);
    }
    workgroupBarrier();
  }
  return lanes[0];
}

@compute @workgroup_size(THREADS)
fn blocks(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  var value = p.identity;
  for (var i = id.x; i < p.n; i += groups.x * THREADS) {
    value = combine(value, x[i]);
  }
  value = combined(t, value);
  if (t == 0u) {
    partial[group.x] = value;
  }
}

@compute @workgroup_size(THREADS)
fn total(@builtin(local_invocation_index) t: u32) {
  // None of them is written when there are no elements.
  let count = select(arrayLength(&partial), 0u, p.n == 0u);
  var value = p.identity;
  for (var i = t; i < count; i += THREADS) {
    value = combine(value, partial[i]);
  }
  value = combined(t, value);
  if (t == 0u) {
    out[0] = value;
  }
}
