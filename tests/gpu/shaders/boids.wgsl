// A flock: each boid looks at all others. Parameters need padding, boids are structs in structs.
struct Boid {
  pos : vec2<f32>,
  vel : vec2<f32>,
}
struct Rule {
  distance : f32,
  scale : f32,
}
struct Params {
  dt : f32,
  @align(16) cohesion : Rule,
  wind : vec3<f32>,
  steps : u32,
  separation : Rule,
  @align(16) alignment : Rule,
}
struct Boids {
  list : array<Boid>,
}
@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(1) var<storage, read> before : Boids;
@group(0) @binding(2) var<storage, read_write> after : Boids;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) GlobalInvocationID : vec3<u32>) {
  var index = GlobalInvocationID.x;
  let total = arrayLength(&before.list);
  if (index >= total) { return; }

  var pos = before.list[index].pos;
  var vel = before.list[index].vel;
  var center = vec2(0.0);
  var meanVel = vec2(0.0);
  var away = vec2<f32>();
  var centerCount = 0u;
  var velCount : u32 = 0;
  for (var i = 0u; i < total; i++) {
    if (i == index) { continue; }
    let other = before.list[i];
    let d = distance(other.pos, pos);
    if (d < params.cohesion.distance) {
      center += other.pos;
      centerCount++;
    }
    if (d < params.separation.distance) { away -= other.pos - pos; }
    if (d < params.alignment.distance) {
      meanVel += other.vel;
      velCount++;
    }
  }
  if (centerCount > 0) { center = center / vec2<f32>(f32(centerCount)) - pos; }
  if (velCount > 0) { meanVel /= f32(velCount); }
  vel += center * params.cohesion.scale + away * params.separation.scale +
    meanVel * params.alignment.scale + params.wind.xy;
  vel = normalize(vel) * clamp(length(vel), 0.0, 0.1);
  pos += vel * params.dt * f32(params.steps);
  after.list[index].pos = pos;
  after.list[index].vel = vel;
}
