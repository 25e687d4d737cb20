/** Shaders as people write them elsewhere, and the same in plain JavaScript. */

import { bindingLayout, type KernelOptions, type KernelPass } from "@dramatis/dramatis/gpu";
import boidsSource from "./boids.wgsl" with { type: "text" };
import halfSource from "./half.wgsl" with { type: "text" };
import histogramSource from "./histogram.wgsl" with { type: "text" };
import instancesSource from "./instances.wgsl" with { type: "text" };
import lifeSource from "./life.wgsl" with { type: "text" };
import matmulSource from "./matmul.wgsl" with { type: "text" };
import nbodySource from "./nbody.wgsl" with { type: "text" };
import scanSource from "./scan.wgsl" with { type: "text" };

const { fround } = Math;

export interface LifeArgs {
  size: Uint32Array;
  current: Uint32Array;
  next: Uint32Array;
}

/** What `threads` needs and only the caller knows: a fixed grid for the test. */
export const LIFE_SIZE = Uint32Array.of(37, 21);

export const life: KernelOptions<LifeArgs> = {
  wgsl: lifeSource,
  overrides: { blockSize: 4 },
  threads: () => [LIFE_SIZE[0]!, LIFE_SIZE[1]!, 1],
  outputs: { next: ({ current }) => current.length },
  cpu: ({ size: [w, h], current, next }) => {
    for (let y = 0; y < h!; y++) {
      for (let x = 0; x < w!; x++) {
        let n = 0;
        for (let dy = -1; dy <= 1; dy++) {
          for (let dx = -1; dx <= 1; dx++) {
            if (dx !== 0 || dy !== 0) n += current[(y + dy + h!) % h! * w! + (x + dx + w!) % w!]!;
          }
        }
        next[y * w! + x] = Number(n === 3 || (n === 2 && current[y * w! + x] === 1));
      }
    }
  },
};

interface Rule {
  distance: number;
  scale: number;
}

export interface BoidsArgs {
  params: {
    dt: number;
    cohesion: Rule;
    wind: readonly number[];
    separation: Rule;
    alignment: Rule;
    steps: number;
  };
  before: Float32Array;
  after: Float32Array;
}

export const boids: KernelOptions<BoidsArgs> = {
  wgsl: boidsSource,
  threads: ({ before }) => before.length / 4,
  outputs: { after: ({ before }) => before.length / 4 },
  cpu: ({ params: p, before: b, after }) => {
    for (let i = 0; i < b.length; i += 4) {
      const [x, y] = [b[i]!, b[i + 1]!];
      const [center, away, mean] = [[0, 0, 0], [0, 0], [0, 0, 0]];
      for (let j = 0; j < b.length; j += 4) {
        if (j === i) continue;
        const [ox, oy] = [b[j]!, b[j + 1]!];
        const d = Math.hypot(ox - x, oy - y);
        const add = (to: number[], dx: number, dy: number) => {
          to[0]! += dx;
          to[1]! += dy;
          to[2]!++;
        };
        if (d < p.cohesion.distance) add(center, ox, oy);
        if (d < p.separation.distance) add(away, x - ox, y - oy);
        if (d < p.alignment.distance) add(mean, b[j + 2]!, b[j + 3]!);
      }
      const v = [0, 1].map((k) => {
        const cohesion = center[2]! > 0 ? center[k]! / center[2]! - b[i + k]! : 0;
        const alignment = mean[2]! > 0 ? mean[k]! / mean[2]! : 0;
        return b[i + 2 + k]! + cohesion * p.cohesion.scale + away[k]! * p.separation.scale +
          alignment * p.alignment.scale + p.wind[k]!;
      });
      const speed = Math.hypot(v[0]!, v[1]!);
      v.forEach((value, k) => {
        const limited = value / speed * Math.min(speed, 0.1);
        after[i + 2 + k] = limited;
        after[i + k] = b[i + k]! + limited * p.dt * p.steps;
      });
    }
  },
};

export interface ScanArgs {
  data: Uint32Array;
}

const SCAN_BLOCK = 128;

export const scan: KernelOptions<ScanArgs> = {
  wgsl: scanSource,
  passes: ({ data }): KernelPass[] => [
    { entry: "blocks", threads: data.length },
    { entry: "top", workgroups: 1 },
    { entry: "add", threads: data.length },
  ],
  scratch: { sums: ({ data }) => Math.ceil(data.length / SCAN_BLOCK) },
  cpu: ({ data }) => {
    let sum = 0;
    data.forEach((value, i) => {
      data[i] = sum;
      sum += value;
    });
  },
};

export interface HistogramArgs {
  values: Int32Array;
  stats: Uint8Array;
}

export interface Stats {
  least: number;
  greatest: number;
  seen: number;
  bins: number[];
}

export const stats = await bindingLayout<Stats>(histogramSource, "stats");

export const NO_STATS: Stats = {
  least: 2 ** 31 - 1,
  greatest: -(2 ** 31),
  seen: 0,
  bins: new Array(32).fill(0),
};

export const histogram: KernelOptions<HistogramArgs> = {
  wgsl: histogramSource,
  threads: ({ values }) => values.length / 4,
  cpu: ({ values, stats: bytes }) => {
    const found = stats.unpack(bytes);
    for (const value of values) {
      found.least = Math.min(found.least, value);
      found.greatest = Math.max(found.greatest, value);
      found.seen++;
      found.bins[value === -1 || value === -2 ? 31 : value === 7 ? 0 : (value >>> 0) % 32]!++;
    }
    bytes.set(stats.pack(found));
  },
};

export interface MatmulArgs {
  a: Float32Array;
  b: Float32Array;
  c: Float32Array;
  sizes: { m: number; k: number; n: number };
}

export const matmul: KernelOptions<MatmulArgs> = {
  wgsl: matmulSource,
  threads: ({ sizes: { m, n } }) => [n, m, 1],
  outputs: { c: ({ sizes: { m, n } }) => m * n },
  cpu: ({ a, b, c, sizes: { m, k, n } }) => {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let t = 0; t < k; t++) sum += a[i * k + t]! * b[t * n + j]!;
        c[i * n + j] = sum;
      }
    }
  },
};

export interface NbodyArgs {
  bodies: Float32Array;
  moved: Float32Array;
  settings: { dt: number; damping: number };
}

const GRAVITY = 0.5;

export const nbody: KernelOptions<NbodyArgs> = {
  wgsl: nbodySource,
  overrides: { WORKGROUP: 16, GRAVITY, SOFTENING: 0.25 },
  outputs: { moved: ({ bodies }) => bodies.length / 8 },
  cpu: ({ bodies, moved, settings: { dt, damping } }) => {
    moved.set(bodies);
    for (let i = 0; i < bodies.length; i += 8) {
      const force = [0, 0, 0];
      for (let j = 0; j < bodies.length; j += 8) {
        const apart = [0, 1, 2].map((k) => bodies[j + k]! - bodies[i + k]!);
        const inverse = (apart.reduce((sum, d) => sum + d * d, 0) + 0.25) ** -1.5;
        apart.forEach((d, k) => force[k]! += d * bodies[j + 3]! * inverse);
      }
      force.forEach((f, k) => {
        const velocity = (bodies[i + 4 + k]! + GRAVITY * f * dt) * damping;
        moved[i + k] = bodies[i + k]! + velocity * dt;
        moved[i + 4 + k] = velocity;
      });
      moved[i + 7] = 0;
    }
  },
};

export interface Vertex {
  at: number[];
  id: number;
  normal: number[];
  weights: number[];
  flags: number[];
}

interface Light {
  direction: readonly number[];
  color: readonly number[];
  strength: number;
}

export interface InstancesArgs {
  scene: {
    camera: {
      view: readonly number[];
      normal: readonly (readonly number[])[];
      jitter: readonly (readonly number[])[];
    };
    lights: readonly Light[];
    tint: readonly number[];
    count: number;
  };
  vertices: Uint8Array;
}

export const vertices = await bindingLayout<Vertex[]>(instancesSource, "vertices");

export const instances: KernelOptions<InstancesArgs> = {
  wgsl: instancesSource,
  cpu: ({ scene: { camera, lights, tint, count }, vertices: bytes }) => {
    const list = vertices.unpack(bytes);
    for (const [i, v] of list.entries()) {
      if (i >= count) break;
      const at = [...v.at, 1];
      v.at = [0, 1, 2].map((r) =>
        at.reduce((sum, value, c) => sum + value * camera.view[c * 4 + r]!, 0) +
        camera.jitter[i % 2]![r]!
      );
      const { normal } = v;
      v.normal = [0, 1, 2].map((r) =>
        normal.reduce((sum, value, c) => sum + value * camera.normal[c]![r]!, 0)
      );
      const shade = lights.reduce((sum, { direction, color, strength }) => {
        const cosine = v.normal.reduce((dot, value, k) => dot + value * direction[k]!, 0);
        return sum + Math.max(cosine, 0) * strength * color[1]!;
      }, 0);
      v.weights[2] = shade + tint[5]!;
      v.flags[1]! -= v.id;
      v.id++;
    }
    bytes.set(vertices.pack(list));
  },
};

export interface HalfArgs {
  pairs: Float16Array;
  products: Float16Array;
  factor: { scale: readonly number[]; shift: number; matrix: readonly number[] };
}

export const half: KernelOptions<HalfArgs> = {
  wgsl: halfSource,
  outputs: { products: ({ pairs }) => pairs.length / 8 },
  cpu: ({ pairs, products, factor: { scale, shift, matrix } }) => {
    products.forEach((_, i) => {
      const [a, , , , x, y, z] = pairs.subarray(8 * i);
      const dot = x! + 2 * y! + z! * fround(shift);
      products[i] = a! * dot * scale[1]! + matrix[2]!;
    });
  },
};
