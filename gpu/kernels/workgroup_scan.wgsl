// Prefix sums within a workgroup, and of `sums` by one workgroup. What stands before this says what T
// is; what stands behind it, how many THREADS a workgroup has.

var<workgroup> lanes: array<T, THREADS>;

// Leaves in lanes[t] the sum of the values of invocations 0 to t (W. D. Hillis and G. L. Steele, "Data
// Parallel Algorithms", CACM 1986).
fn scanLanes(t: u32, value: T) {
  lanes[t] = value;
  workgroupBarrier();
  for (var distance = 1u; distance < THREADS; distance *= 2u) {
    var before = T(0);
    if (t >= distance) {
      before = lanes[t - distance];
    }
    workgroupBarrier();
    if (t >= distance) {
      lanes[t] = before + lanes[t];
    }
    workgroupBarrier();
  }
}

// What scanLanes left for the invocation before this one.
fn sumBefore(t: u32) -> T {
  if (t == 0u) {
    return T(0);
  }
  return lanes[t - 1u];
}

const SPINE_ITEMS = 16u; // of each invocation at a time

@group(0) @binding(0) var<storage, read_write> sums: array<T>;

// Each of the sums becomes the sum of those before it. One workgroup.
@compute @workgroup_size(THREADS)
fn spine(@builtin(local_invocation_index) t: u32) {
  let count = arrayLength(&sums);
  var carry = T(0);
  for (var start = 0u; start < count; start += THREADS * SPINE_ITEMS) {
    let first = start + t * SPINE_ITEMS;
    let end = min(first + SPINE_ITEMS, count);
    var own = T(0);
    for (var i = first; i < end; i++) {
      own += sums[i];
    }
    scanLanes(t, own);
    var before = carry + sumBefore(t);
    for (var i = first; i < end; i++) {
      let value = sums[i];
      sums[i] = before;
      before += value;
    }
    carry += lanes[THREADS - 1u];
    workgroupBarrier();
  }
}
