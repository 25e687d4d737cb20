// One pass of a separable gaussian blur over packed RGBA8 pixels: run it along x, and its output
// along y. The CPU twin is `blur` in filters.ts.

struct Params {
  width: u32, // of the image, in pixels
  height: u32, // of the image, in pixels
  radius: u32, // pixels on each side of the middle one
  vertical: u32, // 0: along x, 1: along y
}

@group(0) @binding(0) var<storage, read> source: array<u32>;
// The middle one and one side of the curve, radius + 1 values: the other side is its mirror image.
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.width || id.y >= p.height) {
    return;
  }
  let last = select(p.width, p.height, p.vertical == 1u) - 1u;
  let along = select(id.x, id.y, p.vertical == 1u);
  // Colours count by their alpha: what is transparent must not bleed into what is not.
  var colour = vec3f(0.0);
  var alpha = 0.0;
  for (var i = -i32(p.radius); i <= i32(p.radius); i++) {
    // Beyond the edge the edge goes on.
    let at = u32(clamp(i32(along) + i, 0, i32(last)));
    let index = select(id.y * p.width + at, at * p.width + id.x, p.vertical == 1u);
    let pixel = source[index];
    let weight = weights[u32(abs(i))] * f32(pixel >> 24u);
    colour += weight * vec3f(vec3u(pixel, pixel >> 8u, pixel >> 16u) & vec3u(255u));
    alpha += weight;
  }
  var rgb = vec3u(0u);
  if (alpha > 0.0) {
    rgb = vec3u(min(colour / alpha + 0.5, vec3f(255.0)));
  }
  let a = u32(min(alpha + 0.5, 255.0));
  output[id.y * p.width + id.x] = rgb.r | (rgb.g << 8u) | (rgb.b << 16u) | (a << 24u);
}
