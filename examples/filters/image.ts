/** PNG files of every kind to one form that kernels understand, and back. @module */

import { decode, encode } from "fast-png";

/** An image as the kernels take it. */
export interface Image {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Packed RGBA8, red in the lowest byte, row by row. */
  readonly pixels: Uint32Array<ArrayBuffer>;
}

/**
 * The most pixels of an image: at four bytes each they fill the 128 MiB that every WebGPU device
 * binds at least.
 */
export const MAX_PIXELS = 2 ** 25;

/** The largest file, in bytes: {@link MAX_PIXELS} of RGBA8 that does not compress at all. */
export const MAX_FILE_BYTES = 128 * 2 ** 20;

/**
 * Reads and decodes a PNG file.
 *
 * @throws Error (its cause says more) if the file cannot be read, or as {@link decodeImage}.
 */
export async function readImage(path: string): Promise<Image> {
  let bytes: Uint8Array;
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) throw new TypeError("it is not a file");
    // Before it is read: a wrong name may well be that of a film.
    checkFileSize(path, size);
    bytes = await Deno.readFile(path);
  } catch (cause) {
    if (cause instanceof RangeError) throw cause;
    throw new Error(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
  return decodeImage(bytes, path);
}

/**
 * Decodes a PNG of any colour type and depth to RGBA8.
 *
 * @param name the file's, for the error
 * @throws TypeError if the bytes are not a PNG, or a broken one.
 * @throws RangeError if the file or the image is too large.
 */
export function decodeImage(bytes: Uint8Array, name: string): Image {
  checkFileSize(name, bytes.length);
  checkHeader(bytes, name);
  try {
    return normalise(decode(bytes, { checkCrc: true }));
  } catch (cause) {
    throw new TypeError(`${name} is a broken PNG: ${messageOf(cause)}`, { cause });
  }
}

/** Encodes an image as the bytes of a PNG file. */
export function encodeImage({ width, height, pixels }: Image): Uint8Array {
  const data = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  return encode({ width, height, data, channels: 4, depth: 8 });
}

function checkFileSize(name: string, size: number): void {
  if (size > MAX_FILE_BYTES) {
    throw new RangeError(`${name} is too large: ${size} bytes, at most ${MAX_FILE_BYTES}`);
  }
}

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
/** Signature, length and type of the header chunk, width, height, depth, colour type, three methods. */
const HEADER_BYTES = 8 + 8 + 13;

/** Refuses by the header alone what the decoder would first make room for, or get wrong. */
function checkHeader(bytes: Uint8Array, name: string): void {
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) {
    throw new TypeError(`${name} is not a PNG file`);
  }
  if (bytes.length < HEADER_BYTES || new TextDecoder().decode(bytes.subarray(12, 16)) !== "IHDR") {
    throw new TypeError(`${name} is a broken PNG: it has no header`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  if (width === 0 || height === 0) {
    throw new TypeError(`${name} is a broken PNG: it is ${width}x${height} pixels`);
  }
  if (width * height > MAX_PIXELS) {
    throw new RangeError(
      `${name} is too large: ${width}x${height} pixels, at most ${MAX_PIXELS} in all`,
    );
  }
  // The decoder takes the rows of interlaced images to have whole bytes for each pixel.
  if (view.getUint8(24) < 8 && view.getUint8(28) !== 0) {
    throw new TypeError(
      `${name} is an interlaced PNG of less than 8 bits, which is not supported: ` +
        `save it without interlacing`,
    );
  }
}

/** What {@link normalise} needs of a decoded PNG. */
export interface RawImage {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** 1: grey or an index, 2: grey and alpha, 3: RGB, 4: RGBA. */
  readonly channels: number;
  /** Bits of a sample: 1, 2, 4, 8 or 16. */
  readonly depth: number;
  /** Samples, row by row; under 8 bits several in a byte, each row starting a new one. */
  readonly data: Uint8Array | Uint8ClampedArray | Uint16Array;
  /** Colours of an indexed image: red, green, blue and perhaps alpha, 0-255 each. */
  readonly palette?: readonly (readonly number[])[];
  /** The one grey or the one colour, in the depth of the image, that stands for transparent. */
  readonly transparency?: Uint16Array;
}

/**
 * Any decoded PNG (grey, grey and alpha, RGB, RGBA, indexed; 1 to 16 bits) as RGBA8.
 *
 * @throws RangeError if there are not as many samples as the size asks for, or a palette lacks a colour.
 */
export function normalise(raw: RawImage): Image {
  const { width, height, channels, depth, palette, transparency } = raw;
  const sampleAt = sampler(raw);
  const max = 2 ** depth - 1;
  const pixels = new Uint32Array(width * height);
  const sample = [0, 0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) sample[c] = sampleAt(x, y, c);
      const [first, second, third, fourth] = sample as [number, number, number, number];
      let rgba: number;
      if (palette && channels === 1) {
        const colour = palette[first];
        if (!colour) throw new RangeError(`its palette has no colour ${first}`);
        const [red = 0, green = 0, blue = 0, alpha = 255] = colour;
        rgba = pack(red, green, blue, alpha);
      } else if (channels <= 2) {
        const grey = to8(first, max);
        const alpha = channels === 2 ? to8(second, max) : first === transparency?.[0] ? 0 : 255;
        rgba = pack(grey, grey, grey, alpha);
      } else {
        const hidden = channels === 3 && transparency !== undefined && first === transparency[0] &&
          second === transparency[1] && third === transparency[2];
        const alpha = channels === 4 ? to8(fourth, max) : hidden ? 0 : 255;
        rgba = pack(to8(first, max), to8(second, max), to8(third, max), alpha);
      }
      pixels[y * width + x] = rgba;
    }
  }
  return { width, height, pixels };
}

/** How to get at a sample: under 8 bits several share a byte, and each row starts a new one. */
function sampler(raw: RawImage): (x: number, y: number, channel: number) => number {
  const { width, height, channels, depth, data } = raw;
  const perRow = depth < 8 ? Math.ceil(width * channels * depth / 8) : width * channels;
  if (data.length !== perRow * height) {
    throw new RangeError(`it has ${data.length} bytes or samples instead of ${perRow * height}`);
  }
  if (depth >= 8) return (x, y, channel) => data[y * perRow + x * channels + channel]!;
  const mask = 2 ** depth - 1;
  return (x, y, channel) => {
    const bit = (x * channels + channel) * depth;
    return data[y * perRow + (bit >> 3)]! >> (8 - depth - (bit & 7)) & mask;
  };
}

function to8(sample: number, max: number): number {
  return max === 255 ? sample : Math.round(sample * 255 / max);
}

function pack(red: number, green: number, blue: number, alpha: number): number {
  return (red | green << 8 | blue << 16 | alpha << 24) >>> 0;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
