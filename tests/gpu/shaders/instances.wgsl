diagnostic(off, derivative_uniformity);
// Meshes' instances: matrices and nested structs in a uniform, mixed structs with holes in storage.
struct Light {
  direction : vec3f,
  color : vec3f,
  strength : f32,
}
struct Camera {
  view : mat4x4f,
  normal : mat3x3f,
  jitter : array<vec4f, 2>,
}
struct Scene {
  camera : Camera,
  lights : array<Light, 2>,
  tint : mat2x3<f32>,
  count : u32,
}
struct Vertex {
  at : vec3f,
  id : u32,
  normal : vec3f,
  weights : array<f32, 3>,
  flags : vec2<i32>,
}
alias Vertices = array<Vertex>;

@group(0) @binding(1) var<uniform> scene : Scene;
@group(0) @binding(0) var<storage, read_write> vertices : Vertices;

fn shade(normal : vec3f) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < 2u; i++) {
    let light = scene.lights[i];
    sum += max(dot(normal, light.direction), 0.0) * light.strength * light.color.y;
  }
  return sum;
}

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id : vec3u) {
  if (id.x >= scene.count) { return; }
  let v = &vertices[id.x];
  (*v).at = (scene.camera.view * vec4f((*v).at, 1.0)).xyz + scene.camera.jitter[id.x % 2u].xyz;
  let normal = scene.camera.normal * (*v).normal;
  (*v).normal = normal;
  (*v).weights[2] = shade(normal) + scene.tint[1].z;
  (*v).flags.y -= i32((*v).id);
  (*v).id += 1u;
}
