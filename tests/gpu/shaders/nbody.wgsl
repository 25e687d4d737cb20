// Gravity among all bodies, in tiles; xyz is the place, w the mass.
override WORKGROUP : u32 = 64;
@id(42) override SOFTENING : f32 = 0.01;
override GRAVITY : f32;

struct Body {
  place : vec4<f32>,
  velocity : vec4<f32>,
};
struct Settings {
  dt : f32,
  damping : f32,
};

@group(0) @binding(0) var<storage, read> bodies : array<Body>;
@group(2) @binding(3) var<storage, read_write> moved : array<Body>;
@group(3) @binding(1) var<uniform> settings : Settings;

var<workgroup> shared_places : array<vec4<f32>, WORKGROUP>;
var<private> force : vec3<f32>;

fn pull(place : vec3<f32>, other : vec4<f32>, sum : ptr<private, vec3<f32>>) {
  let apart = other.xyz - place;
  let inverse = inverseSqrt(dot(apart, apart) + SOFTENING);
  *sum += apart * (other.w * inverse * inverse * inverse);
}

@compute @workgroup_size(WORKGROUP, 1, 1)
fn step(
  @builtin(global_invocation_id) global : vec3<u32>,
  @builtin(local_invocation_index) local : u32,
) {
  let count = arrayLength(&bodies);
  let me = min(global.x, count - 1u);
  var body = bodies[me];
  force = vec3<f32>();
  for (var start = 0u; start < count; start += WORKGROUP) {
    if (start + local < count) { shared_places[local] = bodies[start + local].place; }
    else { shared_places[local] = vec4<f32>(); }
    workgroupBarrier();
    for (var i = 0u; i < WORKGROUP; i += 1u) { pull(body.place.xyz, shared_places[i], &force); }
    workgroupBarrier();
  }
  if (global.x >= count) { return; }
  let velocity = (body.velocity.xyz + GRAVITY * force * settings.dt) * settings.damping;
  body.velocity = vec4<f32>(velocity, 0.0);
  body.place = vec4<f32>(body.place.xyz + velocity * settings.dt, body.place.w);
  moved[global.x] = body;
}
