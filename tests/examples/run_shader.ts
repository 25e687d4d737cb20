/** The fewest WebGPU calls that run a kernel, so that twins are compared with the shader itself. */

/** A buffer of the kernel, in the order of its bindings. */
export interface Binding {
  /** `output` is read back. */
  readonly kind: "input" | "output" | "uniform";
  /** What the buffer holds at first. */
  readonly data: ArrayBufferView<ArrayBuffer>;
}

/** A device, or `null` where there is no adapter: such tests are ignored. */
export async function openDevice(): Promise<GPUDevice | null> {
  const adapter = await navigator.gpu?.requestAdapter();
  return await adapter?.requestDevice() ?? null;
}

/** Runs `code` once over `width` x `height` threads in workgroups of 8x8; the output's words. */
export async function runShader(
  device: GPUDevice,
  code: string,
  bindings: readonly Binding[],
  [width, height]: readonly [number, number],
): Promise<Uint32Array> {
  device.pushErrorScope("validation");
  const buffers = bindings.map(({ kind, data }) => {
    const usage = kind === "uniform"
      ? GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST
      : GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    const buffer = device.createBuffer({ size: data.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  });
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }) },
  });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const output = buffers[bindings.findIndex(({ kind }) => kind === "output")]!;
  const staging = device.createBuffer({
    size: output.size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(Math.ceil(width / 8), Math.ceil(height / 8));
  pass.end();
  encoder.copyBufferToBuffer(output, 0, staging, 0, output.size);
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error) throw new Error(error.message);
  await staging.mapAsync(GPUMapMode.READ);
  const words = new Uint32Array(staging.getMappedRange().slice(0));
  for (const buffer of [...buffers, staging]) buffer.destroy();
  return words;
}

/** The share of pixels, 0-1, whose channels differ by at most `tolerance`. */
export function agreement(a: Uint32Array, b: Uint32Array, tolerance: number): number {
  const bytesOfA = new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
  const bytesOfB = new Uint8Array(b.buffer, b.byteOffset, b.byteLength);
  let close = 0;
  for (let i = 0; i < bytesOfA.length; i += 4) {
    const channels = [0, 1, 2, 3];
    if (channels.every((c) => Math.abs(bytesOfA[i + c]! - bytesOfB[i + c]!) <= tolerance)) close++;
  }
  return close / a.length;
}
