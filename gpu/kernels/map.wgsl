// out[i] = value(x[i], i). The head that map.ts puts before this has T, R and
// fn value(x: T, i: u32) -> R.

@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> out: array<R>;

override THREADS = 256u;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let i = (group.y * groups.x + group.x) * THREADS + t;
  if (i < arrayLength(&x)) {
    out[i] = value(x[i], i);
  }
}
