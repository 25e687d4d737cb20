// Philox4x32-10: four random words for each value of a 128-bit counter, without any state (J. Salmon,
// M. Moraes, R. Dror and D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). The CPU twin
// is in philox.ts, which puts before this what T is, and fn number(word: u32) -> T.

struct Params {
  counter: vec4u, // of the first four numbers, its lowest word first
  key: vec2u, // another key, another sequence
  n: u32, // how many numbers
}

@group(0) @binding(0) var<storage, read_write> out: array<T>;
@group(0) @binding(1) var<uniform> p: Params;

override THREADS = 256u;
const ROUNDS = 10u;

// The two words of a product, the low one first: WGSL has none of 64 bits.
fn product(a: u32, b: u32) -> vec2u {
  let aLow = a & 0xffffu;
  let aHigh = a >> 16u;
  let bLow = b & 0xffffu;
  let bHigh = b >> 16u;
  let low = aLow * bLow;
  let first = aHigh * bLow + (low >> 16u);
  let second = aLow * bHigh + (first & 0xffffu);
  return vec2u(a * b, aHigh * bHigh + (first >> 16u) + (second >> 16u));
}

// The counter, `steps` further.
fn advanced(counter: vec4u, steps: u32) -> vec4u {
  var c = counter;
  c.x += steps;
  if (c.x < steps) {
    c.y++;
    if (c.y == 0u) {
      c.z++;
      if (c.z == 0u) {
        c.w++;
      }
    }
  }
  return c;
}

fn philox(counter: vec4u, key: vec2u) -> vec4u {
  var c = counter;
  var k = key;
  for (var round = 0u; round < ROUNDS; round++) {
    let even = product(0xD2511F53u, c.x);
    let odd = product(0xCD9E8D57u, c.z);
    c = vec4u(odd.y ^ c.y ^ k.x, odd.x, even.y ^ c.w ^ k.y, even.x);
    k += vec2u(0x9E3779B9u, 0xBB67AE85u);
  }
  return c;
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let four = (group.y * groups.x + group.x) * THREADS + t;
  let words = philox(advanced(p.counter, four), p.key);
  for (var i = 0u; i < 4u; i++) {
    let at = four * 4u + i;
    if (at < p.n) {
      out[at] = number(words[i]);
    }
  }
}
