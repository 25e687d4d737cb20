// Prefix sums in three dispatches: `totals` sums every block, `spine` of workgroup_scan.wgsl scans those
// sums, and `blocks` scans every block from there (D. Merrill and A. Grimshaw, "Parallel Scan for Stream
// Architectures", University of Virginia 2009). A block is THREADS * ITEMS elements. The CPU twin is in
// scan.ts, which puts before this what T is, and workgroup_scan.wgsl.

override THREADS = 256u; // a power of two
override ITEMS = 8u; // of one invocation, one after the other
override EXCLUSIVE = false;

@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> out: array<T>;

// The sum of an invocation's own elements, from `first` on.
fn sumOf(first: u32, end: u32) -> T {
  var own = T(0);
  for (var i = first; i < end; i++) {
    own += x[i];
  }
  return own;
}

@compute @workgroup_size(THREADS)
fn totals(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let blockId = group.y * groups.x + group.x;
  if (blockId >= arrayLength(&sums)) {
    return;
  }
  let first = (blockId * THREADS + t) * ITEMS;
  scanLanes(t, sumOf(first, min(first + ITEMS, arrayLength(&x))));
  if (t == 0u) {
    sums[blockId] = lanes[THREADS - 1u];
  }
}

@compute @workgroup_size(THREADS)
fn blocks(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let blockId = group.y * groups.x + group.x;
  if (blockId >= arrayLength(&sums)) {
    return;
  }
  let first = (blockId * THREADS + t) * ITEMS;
  let end = min(first + ITEMS, arrayLength(&x));
  scanLanes(t, sumOf(first, end));
  var before = sums[blockId] + sumBefore(t);
  for (var i = first; i < end; i++) {
    let after = before + x[i];
    out[i] = select(after, before, EXCLUSIVE);
    before = after;
  }
}
