// Sobel edges of packed RGBA8 pixels: how steep the brightness is, as a grey on black. The CPU twin
// is `edges` in filters.ts.

struct Params {
  width: u32, // of the image, in pixels
  height: u32, // of the image, in pixels
  gain: f32, // 1 maps a step from black to white to white
}

@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

// A full step from black to white weighs 1 + 2 + 1 on the side that is white.
const FULL_STEP = 4.0;

// Brightness 0-255 by ITU-R BT.709; what is transparent is black, whatever colour it hides. Beyond
// the edge the edge goes on.
fn brightness(x: i32, y: i32) -> f32 {
  let column = u32(clamp(x, 0, i32(p.width) - 1));
  let row = u32(clamp(y, 0, i32(p.height) - 1));
  let pixel = source[row * p.width + column];
  let rgb = vec3f(vec3u(pixel, pixel >> 8u, pixel >> 16u) & vec3u(255u));
  return dot(rgb, vec3f(0.2126, 0.7152, 0.0722)) * f32(pixel >> 24u) / 255.0;
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.width || id.y >= p.height) {
    return;
  }
  let x = i32(id.x);
  let y = i32(id.y);
  let nw = brightness(x - 1, y - 1);
  let n = brightness(x, y - 1);
  let ne = brightness(x + 1, y - 1);
  let w = brightness(x - 1, y);
  let e = brightness(x + 1, y);
  let sw = brightness(x - 1, y + 1);
  let s = brightness(x, y + 1);
  let se = brightness(x + 1, y + 1);
  let gx = (ne - nw) + 2.0 * (e - w) + (se - sw);
  let gy = (sw - nw) + 2.0 * (s - n) + (se - ne);
  let steepness = sqrt(gx * gx + gy * gy) * p.gain / FULL_STEP;
  let grey = u32(clamp(steepness + 0.5, 0.0, 255.0));
  let alpha = source[id.y * p.width + id.x] & 0xff000000u;
  output[id.y * p.width + id.x] = grey | (grey << 8u) | (grey << 16u) | alpha;
}
