enable f16;
// A dot product's parts in half precision; halves in structs and uniforms.
struct Pair {
  a : f16,
  b : vec3<f16>,
}
struct Factor {
  scale : vec2<f16>,
  shift : f32,
  matrix : mat2x2<f16>,
}
@group(0) @binding(0) var<storage, read> pairs : array<Pair>;
@group(0) @binding(1) var<storage, read_write> products : array<f16>;
@group(0) @binding(2) var<uniform> factor : Factor;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id : vec3u) {
  let i = id.x;
  if (i >= arrayLength(&pairs)) { return; }
  let p = pairs[i];
  products[i] = p.a * dot(p.b, vec3<f16>(1.0h, 2.0h, f16(factor.shift))) * factor.scale.y +
    factor.matrix[1][0];
}
