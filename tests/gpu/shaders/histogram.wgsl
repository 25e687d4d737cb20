// Counts, least and greatest of values: per workgroup first, then into storage.
const BINS = 32u;
struct Stats {
  least : atomic<i32>,
  greatest : atomic<i32>,
  seen : atomic<u32>,
  bins : array<atomic<u32>>,
}
@group(1) @binding(2) var<storage, read> values : array<i32>;
@group(1) @binding(7) var<storage, read_write> stats : Stats;
var<workgroup> local_bins : array<atomic<u32>, BINS>;
var<workgroup> local_seen : atomic<u32>;

fn bin(value : i32) -> u32 {
  switch (value) {
    case -1, -2: { return BINS - 1u; }
    case 0x7: { return 0u; }
    default: { return bitcast<u32>(value) % BINS; }
  }
}

@compute @workgroup_size(BINS * 2)
fn main(
  @builtin(local_invocation_index) local : u32,
  @builtin(workgroup_id) group : vec3u,
  @builtin(num_workgroups) groups : vec3u,
) {
  if (local < BINS) { atomicStore(&local_bins[local], 0u); }
  if (local == 0u) { atomicStore(&local_seen, 0u); }
  workgroupBarrier();
  // Each thread takes many, a grid apart.
  for (var i = group.x * BINS * 2u + local; i < arrayLength(&values); i += groups.x * BINS * 2u) {
    let value = values[i];
    atomicAdd(&local_bins[bin(value)], 1u);
    atomicAdd(&local_seen, 1u);
    atomicMin(&stats.least, value);
    loop {
      let old = atomicLoad(&stats.greatest);
      if (value <= old) { break; }
      let swap = atomicCompareExchangeWeak(&stats.greatest, old, value);
      if (swap.exchanged) { break; }
    }
  }
  workgroupBarrier();
  if (local < BINS) { atomicAdd(&stats.bins[local], atomicLoad(&local_bins[local])); }
  if (local == 0u) { atomicAdd(&stats.seen, atomicLoad(&local_seen)); }
}
