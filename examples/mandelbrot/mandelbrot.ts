/**
 * The Mandelbrot set in tiles: how a picture is cut, and the CPU twin of `mandelbrot.wgsl`.
 *
 * The shader computes in 32-bit floats, so the twin rounds after every operation
 * (`Math.fround`, which V8 turns into a 32-bit instruction): tiles from either kind of device lie
 * side by side in one picture, and no seam may show.
 *
 * @module
 */

/** What to show, and how finely. Real parts grow to the right, imaginary parts upwards. */
export interface View {
  /** Width of the picture, in pixels. */
  readonly width: number;
  /** Height of the picture, in pixels. */
  readonly height: number;
  /** The real part in the middle of the picture. */
  readonly centreX: number;
  /** The imaginary part in the middle of the picture. */
  readonly centreY: number;
  /**
   * The distance of two neighbouring samples. A power of two makes every sample's point exact in a
   * 32-bit float, whichever way a device rounds; {@link tiles} refuses one that is too small.
   */
  readonly step: number;
  /** Samples per pixel along each axis; 2 smooths the filigree with four samples a pixel. */
  readonly samples: number;
  /** A sample still inside after so many iterations is taken to belong to the set. */
  readonly maxIterations: number;
}

/** One rectangle of a picture: the uniform `tile` of `mandelbrot.wgsl`, field by field. */
export interface Tile {
  /** The real part of the picture's left edge (the picture's, the same in all its tiles). */
  readonly left: number;
  /** The imaginary part of the picture's top edge. */
  readonly top: number;
  /** The distance of two neighbouring samples. */
  readonly step: number;
  /** The tile's first column in the picture, in pixels. */
  readonly x: number;
  /** The tile's first row in the picture, in pixels. */
  readonly y: number;
  /** The tile's width, in pixels. */
  readonly width: number;
  /** The tile's height, in pixels. */
  readonly height: number;
  /** A sample still inside after so many iterations is taken to belong to the set. */
  readonly maxIterations: number;
  /** Samples per pixel along each axis. */
  readonly samples: number;
}

/**
 * Where the valley of seahorses meets the sea: 1920x1080 pixels of four samples each.
 *
 * At this step neighbouring samples are 64 units in the last place of a 32-bit float apart, so that
 * its precision is enough.
 */
export const SEAHORSE_VALLEY: View = {
  width: 1920,
  height: 1080,
  centreX: -0.7465,
  centreY: 0.1325,
  step: 2 ** -18,
  samples: 2,
  maxIterations: 600,
};

/**
 * The width of a tile in pixels: 128x120 cuts 1920x1080 into 135 whole tiles, each of them a whole
 * number of 8x8 workgroups.
 */
export const TILE_WIDTH = 128;
/** The height of a tile in pixels; see {@link TILE_WIDTH}. */
export const TILE_HEIGHT = 120;

/** Up to here 32-bit floats hold every whole number. */
const MOST = 2 ** 24;
/** The corner is rounded to this grid, so that corner plus steps stays exact; see {@link View.step}. */
const CORNER_GRID = 2 ** -22;
/** Neighbouring samples closer than this are the same 32-bit float in parts of the set (|c| <= 2). */
const SMALLEST_STEP = 2 ** -22;

/**
 * Cuts a view into tiles, row by row; those at the right and bottom edges may be smaller.
 *
 * @throws RangeError if a size is not an integer from 1 to 2^24, or the step is too small for 32-bit floats.
 */
export function tiles(
  view: View,
  tileWidth: number = TILE_WIDTH,
  tileHeight: number = TILE_HEIGHT,
): Tile[] {
  const { width, height, samples, maxIterations } = view;
  const sizes = { width, height, samples, maxIterations, tileWidth, tileHeight };
  for (const [name, value] of Object.entries(sizes)) {
    if (!Number.isInteger(value) || value < 1 || value > MOST) {
      throw new RangeError(`${name} must be an integer from 1 to ${MOST}, got ${value}`);
    }
  }
  const step = Math.fround(view.step);
  if (!(step >= SMALLEST_STEP)) {
    throw new RangeError(
      `step must be at least ${SMALLEST_STEP} for 32-bit floats to tell samples apart, ` +
        `got ${view.step}`,
    );
  }
  const left = onGrid(view.centreX - width * samples * step / 2);
  const top = onGrid(view.centreY + height * samples * step / 2);
  const all: Tile[] = [];
  for (let y = 0; y < height; y += tileHeight) {
    for (let x = 0; x < width; x += tileWidth) {
      all.push({
        left,
        top,
        step,
        x,
        y,
        width: Math.min(tileWidth, width - x),
        height: Math.min(tileHeight, height - y),
        maxIterations,
        samples,
      });
    }
  }
  return all;
}

function onGrid(value: number): number {
  return Math.fround(Math.round(value / CORNER_GRID) * CORNER_GRID);
}

/**
 * Renders a tile on the CPU.
 *
 * @returns one packed RGBA8 pixel each, red in the lowest byte, row by row.
 */
export function renderTile(tile: Tile): Uint32Array<ArrayBuffer> {
  const pixels = new Uint32Array(tile.width * tile.height);
  mandelbrot({ pixels, tile });
  return pixels;
}

/** The CPU twin of `mandelbrot.wgsl`: fills `pixels` with the tile, as {@link renderTile} returns it. */
export function mandelbrot({ pixels, tile }: { pixels: Uint32Array; tile: Tile }): void {
  const { width, height, samples, maxIterations } = tile;
  const left = Math.fround(tile.left);
  const top = Math.fround(tile.top);
  const step = Math.fround(tile.step);
  const times: [number, number] = [0, 0];
  const sum: Colour = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const column = (tile.x + x) * samples;
      const row = (tile.y + y) * samples;
      sum[0] = sum[1] = sum[2] = 0;
      for (let j = 0; j < samples; j++) {
        const cy = Math.fround(top - Math.fround((row + j) * step));
        for (let i = 0; i < samples; i += 2) {
          const ax = Math.fround(left + Math.fround((column + i) * step));
          const bx = Math.fround(left + Math.fround((column + i + 1) * step));
          if (i + 1 < samples) {
            escapeTimes(ax, bx, cy, maxIterations, times);
            addColour(times[0], sum);
            addColour(times[1], sum);
          } else {
            addColour(resume(ax, cy, maxIterations, 0, 0, 0), sum);
          }
        }
      }
      pixels[y * width + x] = pack(sum, samples * samples);
    }
  }
}

type Colour = [red: number, green: number, blue: number];

function pack(sum: Colour, share: number): number {
  const red = Math.floor(sum[0] / share + 0.5);
  const green = Math.floor(sum[1] / share + 0.5);
  const blue = Math.floor(sum[2] / share + 0.5);
  return (red | green << 8 | blue << 16 | 255 << 24) >>> 0;
}

// From here on: the constants and functions of mandelbrot.wgsl, under the same names.

const BAILOUT = 65536;
const PALETTE_TURNS = 0.46;
const PALETTE_OFFSET = 0;

const STOPS: readonly { readonly at: number; readonly colour: Colour }[] = [
  { at: 0, colour: [0, 7, 100] },
  { at: 0.16, colour: [32, 107, 203] },
  { at: 0.42, colour: [237, 255, 255] },
  { at: 0.6425, colour: [255, 170, 0] },
  { at: 0.8575, colour: [48, 10, 32] },
  { at: 1, colour: [0, 7, 100] },
];

/**
 * About how many iterations the point `cx + cy i` takes to leave a radius of 2, with a fraction that
 * makes the value continuous from point to point; -1 for a point that is still within a radius of
 * 256, where this is measured, after `maxIterations`.
 */
export function escapeTime(cx: number, cy: number, maxIterations: number): number {
  return resume(Math.fround(cx), Math.fround(cy), maxIterations, 0, 0, 0);
}

/** {@link escapeTime} from the state after `n` iterations on. */
function resume(
  cx: number,
  cy: number,
  maxIterations: number,
  n: number,
  zx: number,
  zy: number,
): number {
  let x2 = Math.fround(zx * zx);
  let y2 = Math.fround(zy * zy);
  for (; n < maxIterations; n++) {
    zy = Math.fround(Math.fround(Math.fround(zx + zx) * zy) + cy);
    zx = Math.fround(Math.fround(x2 - y2) + cx);
    x2 = Math.fround(zx * zx);
    y2 = Math.fround(zy * zy);
    const r2 = Math.fround(x2 + y2);
    if (r2 > BAILOUT) return smooth(n, r2);
  }
  return -1;
}

/**
 * {@link escapeTime} of two neighbours in a row. In one orbit each rounding waits for the one
 * before; two orbits side by side fill each other's waits, and take hardly longer than one.
 */
function escapeTimes(
  ax: number,
  bx: number,
  cy: number,
  maxIterations: number,
  into: [a: number, b: number],
): void {
  let azx = Math.fround(0), azy = Math.fround(0), ax2 = Math.fround(0), ay2 = Math.fround(0);
  let bzx = Math.fround(0), bzy = Math.fround(0), bx2 = Math.fround(0), by2 = Math.fround(0);
  let ar2 = Math.fround(0), br2 = Math.fround(0);
  let n = 0;
  for (; n < maxIterations; n++) {
    azy = Math.fround(Math.fround(Math.fround(azx + azx) * azy) + cy);
    bzy = Math.fround(Math.fround(Math.fround(bzx + bzx) * bzy) + cy);
    azx = Math.fround(Math.fround(ax2 - ay2) + ax);
    bzx = Math.fround(Math.fround(bx2 - by2) + bx);
    ax2 = Math.fround(azx * azx);
    bx2 = Math.fround(bzx * bzx);
    ay2 = Math.fround(azy * azy);
    by2 = Math.fround(bzy * bzy);
    ar2 = Math.fround(ax2 + ay2);
    br2 = Math.fround(bx2 + by2);
    if (ar2 > BAILOUT || br2 > BAILOUT) break;
  }
  into[0] = ar2 > BAILOUT ? smooth(n, ar2) : resume(ax, cy, maxIterations, n + 1, azx, azy);
  into[1] = br2 > BAILOUT ? smooth(n, br2) : resume(bx, cy, maxIterations, n + 1, bzx, bzy);
}

/** Back from the far radius, and how far beyond it, to the iteration at the near one. */
function smooth(n: number, r2: number): number {
  // Points that start beyond the far radius come out negative, which stands for the inside.
  return Math.max(0, n + 2 - Math.log2(0.5 * Math.log2(r2)));
}

function addColour(time: number, sum: Colour): void {
  if (time < 0) return;
  const turns = PALETTE_TURNS * Math.log2(Math.max(time, 1)) + PALETTE_OFFSET;
  const t = turns - Math.floor(turns);
  let stop = 1;
  while (stop < STOPS.length - 1 && t > STOPS[stop]!.at) stop++;
  const { at, colour } = STOPS[stop - 1]!;
  const next = STOPS[stop]!;
  const linear = (t - at) / (next.at - at);
  const k = linear * linear * (3 - 2 * linear);
  sum[0] += colour[0] + (next.colour[0] - colour[0]) * k;
  sum[1] += colour[1] + (next.colour[1] - colour[1]) * k;
  sum[2] += colour[2] + (next.colour[2] - colour[2]) * k;
}
