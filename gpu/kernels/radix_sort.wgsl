// One digit of a radix sort that keeps the order of equal digits: `count` counts each digit in every
// block, `spine` of workgroup_scan.wgsl turns the counts into places, and `scatter` moves the keys there
// (D. Merrill and A. Grimshaw, "High Performance and Scalable Radix Sorting", Parallel Processing
// Letters 2011). A block is THREADS * ITEMS keys. The CPU twin is in radix_sort.ts, which puts before
// this what K is, fn bits(key: K) -> u32, fn carry(source: u32, place: u32), which moves what belongs to a
// key, and workgroup_scan.wgsl, whose sums are the counts: those of digit 0 in all blocks, then those of
// digit 1, …

override THREADS = 256u; // a power of two
override ITEMS = 16u; // keys of one invocation, one after the other

struct Digit {
  shift: u32, // of its lowest bit
}

@group(0) @binding(1) var<storage, read_write> keys: array<K>;
@group(0) @binding(2) var<storage, read_write> sorted: array<K>;
@group(0) @binding(3) var<uniform> digit: Digit;

const DIGITS = 16u;
// Counts of one invocation, two in a word: they and their sums stay below THREADS * ITEMS.
const WORDS = DIGITS / 2u;

var<workgroup> counts: array<atomic<u32>, DIGITS>;
var<workgroup> ranks: array<u32, WORDS * THREADS>; // [word][invocation]
var<workgroup> starts: array<u32, WORDS>;

fn digitOf(key: K) -> u32 {
  return (bits(key) >> digit.shift) & (DIGITS - 1u);
}

@compute @workgroup_size(THREADS)
fn count(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let blockId = group.y * groups.x + group.x;
  let blocks = arrayLength(&sums) / DIGITS;
  if (blockId >= blocks) {
    return;
  }
  for (var i = t; i < DIGITS; i += THREADS) {
    atomicStore(&counts[i], 0u);
  }
  workgroupBarrier();
  let end = min((blockId + 1u) * THREADS * ITEMS, arrayLength(&keys));
  for (var i = blockId * THREADS * ITEMS + t; i < end; i += THREADS) {
    atomicAdd(&counts[digitOf(keys[i])], 1u);
  }
  workgroupBarrier();
  for (var i = t; i < DIGITS; i += THREADS) {
    sums[i * blocks + blockId] = atomicLoad(&counts[i]);
  }
}

@compute @workgroup_size(THREADS)
fn scatter(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) t: u32,
) {
  let blockId = group.y * groups.x + group.x;
  let blocks = arrayLength(&sums) / DIGITS;
  if (blockId >= blocks) {
    return;
  }
  // Each invocation counts the digits of its own keys: those below WORDS in the low halves of its
  // words, the others in the high ones.
  for (var word = 0u; word < WORDS; word++) {
    ranks[word * THREADS + t] = 0u;
  }
  let first = (blockId * THREADS + t) * ITEMS;
  let end = min(first + ITEMS, arrayLength(&keys));
  for (var i = first; i < end; i++) {
    let d = digitOf(keys[i]);
    ranks[d % WORDS * THREADS + t] += 1u << (d / WORDS * 16u);
  }
  workgroupBarrier();
  // The prefix sums of all words, as one list; what is before a word's first is taken off again below.
  var own = 0u;
  for (var i = t * WORDS; i < (t + 1u) * WORDS; i++) {
    own += ranks[i];
  }
  scanLanes(t, own);
  var before = sumBefore(t);
  for (var i = t * WORDS; i < (t + 1u) * WORDS; i++) {
    let value = ranks[i];
    ranks[i] = before;
    before += value;
  }
  workgroupBarrier();
  for (var word = t; word < WORDS; word += THREADS) {
    starts[word] = ranks[word * THREADS];
  }
  workgroupBarrier();
  for (var i = first; i < end; i++) {
    let key = keys[i];
    let d = digitOf(key);
    let word = d % WORDS;
    let half = d / WORDS * 16u;
    let rank = ((ranks[word * THREADS + t] - starts[word]) >> half) & 0xffffu;
    ranks[word * THREADS + t] += 1u << half;
    let place = sums[d * blocks + blockId] + rank;
    sorted[place] = key;
    carry(i, place);
  }
}
