/** The same work by bare WebGPU calls: the control of every figure of `bench:gpu`. @module */
import type { GpuHandle } from "../gpu/device.ts";

/** `y = a x + y`, by the threads of `n`. */
export const SAXPY = `
  struct P { a: f32, n: u32 }
  @group(0) @binding(0) var<storage, read> x: array<f32>;
  @group(0) @binding(1) var<storage, read_write> y: array<f32>;
  @group(0) @binding(2) var<uniform> p: P;
  @compute @workgroup_size(256) fn main(@builtin(global_invocation_id) g: vec3u) {
    if (g.x < p.n) { y[g.x] = p.a * x[g.x] + y[g.x]; }
  }`;

/** Bytes from one value of the uniform to the next. */
const SLOT = 256;
const UNIFORM_BYTES = 8;

/** Dispatches in a submit, as many as the lane of a pool puts there. */
export const BATCH = 64;

/** Where each of them has its values. */
const OFFSETS = Uint32Array.from({ length: BATCH }, (_, i) => i * SLOT);

/** How a result is waited for. */
export type MapKind = "awaited" | "early";

/** One saxpy over arrays that stay, with everything made beforehand. */
export class RawSaxpy {
  readonly #device: GPUDevice;
  readonly #pipeline: GPUComputePipeline;
  readonly #group: GPUBindGroup;
  readonly #x: GPUBuffer;
  readonly #y: GPUBuffer;
  readonly #uniforms: GPUBuffer;
  readonly #staging: GPUBuffer;
  readonly #values = new Uint8Array(BATCH * SLOT);
  readonly #view = new DataView(this.#values.buffer);
  readonly #n: number;

  constructor({ guard: { device } }: GpuHandle, n: number) {
    this.#device = device;
    this.#n = n;
    const visibility = GPUShaderStage.COMPUTE;
    const layout = device.createBindGroupLayout({
      entries: [
        { binding: 0, visibility, buffer: { type: "read-only-storage" } },
        { binding: 1, visibility, buffer: { type: "storage" } },
        { binding: 2, visibility, buffer: { type: "uniform", hasDynamicOffset: true } },
      ],
    });
    this.#pipeline = device.createComputePipeline({
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: device.createShaderModule({ code: SAXPY }) },
    });
    const { STORAGE, COPY_DST, COPY_SRC, UNIFORM, MAP_READ } = GPUBufferUsage;
    const size = 4 * n;
    this.#x = device.createBuffer({ size, usage: STORAGE | COPY_DST | COPY_SRC });
    this.#y = device.createBuffer({ size, usage: STORAGE | COPY_DST | COPY_SRC });
    this.#uniforms = device.createBuffer({ size: BATCH * SLOT, usage: UNIFORM | COPY_DST });
    this.#staging = device.createBuffer({
      size,
      usage: MAP_READ | COPY_DST,
      mappedAtCreation: true,
    });
    this.#staging.unmap();
    this.#group = device.createBindGroup({
      layout,
      entries: [
        { binding: 0, resource: { buffer: this.#x } },
        { binding: 1, resource: { buffer: this.#y } },
        { binding: 2, resource: { buffer: this.#uniforms, size: 16 } },
      ],
    });
    this.#pack(0, 1);
  }

  /**
   * Records and submits dispatches, as many to a submit as fit. With the same parameters all is set once;
   * others are packed for each dispatch and written together.
   */
  dispatch(count: number, parameters: "same" | "other"): void {
    for (let done = 0; done < count; done += BATCH) {
      const some = Math.min(BATCH, count - done);
      if (parameters === "same") {
        this.#submit(some, 1);
        continue;
      }
      for (let i = 0; i < some; i++) this.#pack(i, done + i);
      this.#submit(some, some);
    }
  }

  /** Puts arrays there, computes once, and brings the result back. */
  async call(x: Float32Array<ArrayBuffer>, y: Float32Array<ArrayBuffer>, map: MapKind): Promise<
    Float32Array
  > {
    const { queue } = this.#device;
    queue.writeBuffer(this.#x, 0, x);
    queue.writeBuffer(this.#y, 0, y);
    this.#submit(1, 1, true);
    return await this.#read(map);
  }

  /** Puts bytes there. */
  upload(data: Float32Array<ArrayBuffer>): void {
    this.#device.queue.writeBuffer(this.#x, 0, data);
  }

  /** Waits until all is done, by bringing one number back. */
  async sync(map: MapKind): Promise<void> {
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(this.#x, 0, this.#staging, 0, 4);
    this.#device.queue.submit([encoder.finish()]);
    await this.#read(map, 4);
  }

  /** Brings the result back. */
  async download(map: MapKind): Promise<Float32Array> {
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(this.#y, 0, this.#staging, 0, 4 * this.#n);
    this.#device.queue.submit([encoder.finish()]);
    return await this.#read(map);
  }

  /** Frees all. */
  destroy(): void {
    for (const buffer of [this.#x, this.#y, this.#uniforms, this.#staging]) buffer.destroy();
  }

  #pack(slot: number, a: number): void {
    this.#view.setFloat32(slot * SLOT, a, true);
    this.#view.setUint32(slot * SLOT + UNIFORM_BYTES / 2, this.#n, true);
  }

  /** @param values How many of the packed ones they use: one for all, or one for each. */
  #submit(count: number, values: number, copy = false): void {
    const { queue } = this.#device;
    queue.writeBuffer(this.#uniforms, 0, this.#values, 0, values * SLOT);
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(this.#pipeline);
    for (let i = 0; i < count; i++) {
      if (i < values) this.#bind(pass, i);
      pass.dispatchWorkgroups(Math.ceil(this.#n / 256));
    }
    pass.end();
    if (copy) encoder.copyBufferToBuffer(this.#y, 0, this.#staging, 0, 4 * this.#n);
    queue.submit([encoder.finish()]);
  }

  /** The quickest way that each implementation has. */
  #bind(pass: GPUComputePassEncoder, slot: number): void {
    if (this.#device instanceof GPUDevice) {
      pass.setBindGroup(0, this.#group, OFFSETS, slot, 1);
    } else pass.setBindGroup(0, this.#group, [slot * SLOT]);
  }

  async #read(map: MapKind, bytes = 4 * this.#n): Promise<Float32Array> {
    const mapped = this.#staging.mapAsync(GPUMapMode.READ, 0, bytes);
    // Deno has the bytes when the call returns, and says so 10 ms later.
    if (map === "awaited") await mapped;
    else mapped.catch(() => {});
    const copy = new Float32Array(this.#staging.getMappedRange(0, bytes).slice(0));
    this.#staging.unmap();
    return copy;
  }
}
