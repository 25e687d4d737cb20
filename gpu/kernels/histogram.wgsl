// out[v] grows by one for every v in x; what is not below `bins` is not counted. The CPU twin is in
// histogram.ts.
//
// Where the bins fit, each workgroup counts in its own memory first (V. Podlozhnyuk, "Histogram
// calculation in CUDA", NVIDIA 2007).

struct Params {
  bins: u32, // elements of out
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> p: Params;

const THREADS = 256u;
const PRIVATE_BINS = 4096u; // 16 KiB, the workgroup memory that every device has

var<workgroup> counts: array<atomic<u32>, PRIVATE_BINS>;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let n = arrayLength(&x);
  let step = groups.x * THREADS;
  if (p.bins > PRIVATE_BINS) {
    for (var i = id.x; i < n; i += step) {
      let v = x[i];
      if (v < p.bins) {
        atomicAdd(&out[v], 1u);
      }
    }
    return;
  }
  for (var bin = t; bin < p.bins; bin += THREADS) {
    atomicStore(&counts[bin], 0u);
  }
  workgroupBarrier();
  for (var i = id.x; i < n; i += step) {
    let v = x[i];
    if (v < p.bins) {
      atomicAdd(&counts[v], 1u);
    }
  }
  workgroupBarrier();
  for (var bin = t; bin < p.bins; bin += THREADS) {
    let count = atomicLoad(&counts[bin]);
    if (count > 0u) {
      atomicAdd(&out[bin], count);
    }
  }
}
