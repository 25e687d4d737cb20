/**
 * The CPU twins of `blur.wgsl` and `edges.wgsl`, with the same names and arguments: pixels are
 * packed RGBA8, red in the lowest byte, row by row.
 *
 * Devices may differ from the twins by one step of a channel, where a sum lies on the edge between two.
 *
 * @module
 */

/** The uniform `p` of `blur.wgsl`. */
export interface BlurParams {
  /** Width of the image, in pixels. */
  readonly width: number;
  /** Height of the image, in pixels. */
  readonly height: number;
  /** Pixels on each side of the middle one. */
  readonly radius: number;
  /** 0: along x, 1: along y. */
  readonly vertical: 0 | 1;
}

/** The arguments of the `blur` kernel. */
export interface BlurArgs {
  /** The image. */
  readonly source: Uint32Array;
  /** From {@link gaussianWeights} of the same radius. */
  readonly weights: Float32Array;
  /** Filled with the blurred image; as long as `source`, and not the same array. */
  readonly output: Uint32Array;
  /** Sizes and direction. */
  readonly p: BlurParams;
}

/** The largest radius that {@link gaussianWeights} gives: beyond it a smaller image is the better way. */
export const MAX_RADIUS = 100;

/** So many standard deviations fit into the radius; beyond them the curve is under 1.2 % of its top. */
const RADIUS_IN_SIGMAS = 3;

/**
 * One side of a gaussian curve, its middle first: `radius + 1` weights which, mirrored, sum to 1.
 *
 * @param radius pixels on each side of the middle one, 0-{@link MAX_RADIUS}
 * @throws RangeError if the radius is not a whole number in that range.
 */
export function gaussianWeights(radius: number): Float32Array<ArrayBuffer> {
  if (!Number.isInteger(radius) || radius < 0 || radius > MAX_RADIUS) {
    throw new RangeError(`radius must be a whole number from 0 to ${MAX_RADIUS}, got ${radius}`);
  }
  const sigma = Math.max(radius, 1) / RADIUS_IN_SIGMAS;
  const weights = Float32Array.from(
    { length: radius + 1 },
    (_, i) => Math.exp(-(i * i) / (2 * sigma * sigma)),
  );
  const sum = weights.reduce((total, weight, i) => total + (i === 0 ? weight : 2 * weight), 0);
  return weights.map((weight) => weight / sum);
}

/** One pass of a separable gaussian blur; run it along x, and its output along y. */
export function blur({ source, weights, output, p }: BlurArgs): void {
  const { width, height, radius, vertical } = p;
  const stride = vertical === 1 ? width : 1;
  const last = (vertical === 1 ? height : width) - 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const along = vertical === 1 ? y : x;
      const start = y * width + x - along * stride;
      let red = 0, green = 0, blue = 0, alpha = 0;
      for (let i = -radius; i <= radius; i++) {
        const at = Math.min(Math.max(along + i, 0), last);
        const pixel = source[start + at * stride]!;
        const weight = weights[i < 0 ? -i : i]! * (pixel >>> 24);
        red += weight * (pixel & 255);
        green += weight * (pixel >>> 8 & 255);
        blue += weight * (pixel >>> 16 & 255);
        alpha += weight;
      }
      output[y * width + x] = alpha > 0 ? pack(red / alpha, green / alpha, blue / alpha, alpha) : 0;
    }
  }
}

/** The uniform `p` of `edges.wgsl`. */
export interface EdgesParams {
  /** Width of the image, in pixels. */
  readonly width: number;
  /** Height of the image, in pixels. */
  readonly height: number;
  /** 1 maps a step from black to white to white; photographs want 2 to 4. */
  readonly gain: number;
}

/** The arguments of the `edges` kernel. */
export interface EdgesArgs {
  /** The image. */
  readonly source: Uint32Array;
  /** Filled with the edges; as long as `source`, and not the same array. */
  readonly output: Uint32Array;
  /** Sizes and gain. */
  readonly p: EdgesParams;
}

const FULL_STEP = 4;

/** Sobel edges: how steep the brightness is, as a grey on black; alpha stays as it was. */
export function edges({ source, output, p }: EdgesArgs): void {
  const { width, height, gain } = p;
  const light = Float32Array.from(source, brightness);
  for (let y = 0; y < height; y++) {
    const above = Math.max(y - 1, 0) * width;
    const here = y * width;
    const below = Math.min(y + 1, height - 1) * width;
    for (let x = 0; x < width; x++) {
      const left = Math.max(x - 1, 0);
      const right = Math.min(x + 1, width - 1);
      const nw = light[above + left]!, n = light[above + x]!, ne = light[above + right]!;
      const w = light[here + left]!, e = light[here + right]!;
      const sw = light[below + left]!, s = light[below + x]!, se = light[below + right]!;
      const gx = (ne - nw) + 2 * (e - w) + (se - sw);
      const gy = (sw - nw) + 2 * (s - n) + (se - ne);
      const grey = Math.sqrt(gx * gx + gy * gy) * gain / FULL_STEP;
      output[here + x] = pack(grey, grey, grey, source[here + x]! >>> 24);
    }
  }
}

/** Brightness 0-255 by ITU-R BT.709; what is transparent is black, whatever colour it hides. */
function brightness(pixel: number): number {
  const red = pixel & 255, green = pixel >>> 8 & 255, blue = pixel >>> 16 & 255;
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) * (pixel >>> 24) / 255;
}

function pack(red: number, green: number, blue: number, alpha: number): number {
  return (channel(red) | channel(green) << 8 | channel(blue) << 16 | channel(alpha) << 24) >>> 0;
}

/** To the nearest of 0-255. */
function channel(value: number): number {
  return Math.floor(Math.min(Math.max(value + 0.5, 0), 255));
}
