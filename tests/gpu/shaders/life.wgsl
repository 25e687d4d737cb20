// Conway's game of life on a torus; the grid's size is data, not a uniform.
@binding(0) @group(0) var<storage, read> size: vec2u;
@binding(1) @group(0) var<storage, read> current: array<u32>;
@binding(2) @group(0) var<storage, read_write> next: array<u32>;

override blockSize = 8;

fn indexOf(x: u32, y: u32) -> u32 {
  return (y % size.y) * size.x + (x % size.x);
}

fn isAlive(x: u32, y: u32) -> u32 {
  return current[indexOf(x, y)];
}

fn neighbours(x: u32, y: u32) -> u32 {
  let left = x + size.x - 1;
  let top = y + size.y - 1;
  return isAlive(left, top) + isAlive(x, top) + isAlive(x + 1, top) +
    isAlive(left, y) + isAlive(x + 1, y) +
    isAlive(left, y + 1) + isAlive(x, y + 1) + isAlive(x + 1, y + 1);
}

@compute @workgroup_size(blockSize, blockSize)
fn main(@builtin(global_invocation_id) cell: vec3u) {
  let x = cell.x;
  let y = cell.y;
  if (x >= size.x || y >= size.y) { return; }
  let n = neighbours(x, y);
  next[indexOf(x, y)] = select(u32(n == 3u), u32(n == 2u || n == 3u), isAlive(x, y) == 1u);
}
