// One tile of the Mandelbrot set, as packed RGBA8 pixels. The CPU twin is mandelbrot.ts: every
// constant and every step here has its counterpart there, in the same order.

struct Tile {
  left: f32, // real part of the picture's left edge
  top: f32, // imaginary part of the picture's top edge
  step: f32, // distance of two neighbouring samples
  x: u32, // the tile's first column in the picture, in pixels
  y: u32, // the tile's first row in the picture, in pixels
  width: u32, // of the tile, in pixels
  height: u32, // of the tile, in pixels
  maxIterations: u32, // a sample still inside after so many is taken to belong to the set
  samples: u32, // samples per pixel along each axis
}

@group(0) @binding(0) var<storage, read_write> pixels: array<u32>;
@group(0) @binding(1) var<uniform> tile: Tile;

// 256 squared. Far beyond the 2 that membership needs, because the fraction below is continuous only
// for a large radius.
const BAILOUT = 65536.0;

// How often the palette is run through while the count doubles. By the logarithm of the count, because
// towards the set counts grow without end, and colours would turn to noise.
const PALETTE_TURNS = 0.46;
const PALETTE_OFFSET = 0.0;

const STOPS = 6u;
const STOP_AT = array<f32, 6>(0.0, 0.16, 0.42, 0.6425, 0.8575, 1.0);
const STOP_COLOUR = array<vec3f, 6>(
  vec3f(0.0, 7.0, 100.0),
  vec3f(32.0, 107.0, 203.0),
  vec3f(237.0, 255.0, 255.0),
  vec3f(255.0, 170.0, 0.0),
  vec3f(48.0, 10.0, 32.0),
  vec3f(0.0, 7.0, 100.0),
);

// A product as it is after rounding. Left to itself a compiler may fuse a product and the sum it goes
// into, and round once; others do not, and near the set's edge the last bit decides over the colour.
// The or with a bit that is never set, which no compiler can know, keeps the two apart: every device
// computes the same orbit, and so does the CPU.
fn rounded(product: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(product) | (tile.maxIterations >> 31u));
}

// About how many iterations z takes to leave a radius of 2, with a fraction that makes it continuous
// from point to point; -1 for a point that is still within the far radius after maxIterations.
fn escapeTime(cx: f32, cy: f32) -> f32 {
  var zx = 0.0;
  var zy = 0.0;
  var x2 = 0.0;
  var y2 = 0.0;
  for (var n = 0u; n < tile.maxIterations; n++) {
    zy = rounded(2.0 * zx * zy) + cy;
    zx = x2 - y2 + cx;
    x2 = rounded(zx * zx);
    y2 = rounded(zy * zy);
    let r2 = x2 + y2;
    if (r2 > BAILOUT) {
      return max(0.0, f32(n) + 2.0 - log2(0.5 * log2(r2)));
    }
  }
  return -1.0;
}

fn colour(time: f32) -> vec3f {
  if (time < 0.0) {
    return vec3f(0.0);
  }
  let t = fract(PALETTE_TURNS * log2(max(time, 1.0)) + PALETTE_OFFSET);
  var stop = 1u;
  while (stop < STOPS - 1u && t > STOP_AT[stop]) {
    stop++;
  }
  let at = STOP_AT[stop - 1u];
  let k = (t - at) / (STOP_AT[stop] - at);
  return mix(STOP_COLOUR[stop - 1u], STOP_COLOUR[stop], k * k * (3.0 - 2.0 * k));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= tile.width || id.y >= tile.height) {
    return;
  }
  // Counted from the picture's corner, not the tile's: a pixel's point does not depend on how the
  // picture was cut, so that no seam shows.
  let column = (tile.x + id.x) * tile.samples;
  let row = (tile.y + id.y) * tile.samples;
  var sum = vec3f(0.0);
  for (var j = 0u; j < tile.samples; j++) {
    for (var i = 0u; i < tile.samples; i++) {
      let cx = tile.left + f32(column + i) * tile.step;
      let cy = tile.top - f32(row + j) * tile.step;
      sum += colour(escapeTime(cx, cy));
    }
  }
  let rgb = vec3u(sum / f32(tile.samples * tile.samples) + 0.5);
  pixels[id.y * tile.width + id.x] = rgb.r | (rgb.g << 8u) | (rgb.b << 16u) | (255u << 24u);
}
