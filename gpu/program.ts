/** Compiled kernels of one device, each compiled once. */

import { KernelCompileError, type KernelDiagnostic } from "../src/core/gpu_errors.ts";
import type { DeviceGuard } from "./device_guard.ts";
import type { Overrides } from "./kernel_spec.ts";
import {
  type KernelBinding,
  type KernelInterface,
  reflectKernel,
  type ReflectOptions,
} from "./reflection.ts";
import { prepareSource } from "./wgsl_source.ts";

/** Lines of the compiler's errors that an error message shows; the rest is in `diagnostics`. */
const SHOWN_DIAGNOSTICS = 5;

/** A kernel, ready to dispatch. */
export interface Program {
  /** Unique on its device. */
  readonly id: number;
  readonly pipeline: GPUComputePipeline;
  /** One per group from 0 to the highest used; uniforms have dynamic offsets. */
  readonly layouts: readonly GPUBindGroupLayout[];
  readonly interface: KernelInterface;
}

function layoutEntry(binding: KernelBinding): GPUBindGroupLayoutEntry {
  const type: GPUBufferBindingType = binding.role === "uniform"
    ? "uniform"
    : binding.role === "storage-read"
    ? "read-only-storage"
    : "storage";
  const hasDynamicOffset = type === "uniform";
  const visibility = GPUShaderStage.COMPUTE;
  return { binding: binding.binding, visibility, buffer: { type, hasDynamicOffset } };
}

/** The first line of wgpu's text, which repeats the shader's name and draws the source below it. */
function plainMessage(text: string): string {
  const line = text.split("\n").map((part) => part.trim()).find((part) => part !== "") ?? text;
  const notes = text.split("\n").map((part) => part.trim()).filter((part) => part.startsWith("= "));
  const plain = line.replace(/^Shader '[^']*' parsing error:\s*/, "")
    .replace(/^Shader validation error:\s*/, "");
  return [plain, ...notes.map((note) => note.slice(2))].join("; ");
}

/** `kernel "saxpy" does not compile:` and under it the errors, each with its line of source. */
export function compileError(
  name: string,
  wgsl: string,
  diagnostics: readonly KernelDiagnostic[],
  options?: ErrorOptions,
): KernelCompileError {
  const lines = wgsl.split("\n");
  const shown = diagnostics.slice(0, SHOWN_DIAGNOSTICS).map(({ line, column, message }) => {
    const source = lines[line - 1]?.trim();
    const at = line > 0 ? `${line}:${column > 0 ? column : "?"} ` : "";
    return `  ${at}${message}${source ? `\n    | ${source}` : ""}`;
  });
  const more = diagnostics.length - shown.length;
  if (more > 0) shown.push(`  and ${more} more`);
  const head = `kernel "${name}" does not compile:`;
  return new KernelCompileError([head, ...shown].join("\n"), diagnostics, options);
}

/** The programs of one device by source, entry point and overrides. */
export class ProgramCache {
  readonly #guard: DeviceGuard;
  readonly #stripEnables: readonly string[];
  /** By source: entry points share the module, and the time that compiling it takes. */
  readonly #modules = new Map<string, Promise<GPUShaderModule>>();
  readonly #ready = new Map<string, Program>();
  readonly #compiling = new Map<string, Promise<Program>>();
  #nextId = 1;

  /** @param stripEnables Extensions that this device supports but whose `enable` it refuses. */
  constructor(guard: DeviceGuard, stripEnables: readonly string[] = []) {
    this.#guard = guard;
    this.#stripEnables = stripEnables;
  }

  /** Programs that are compiled. */
  get size(): number {
    return this.#ready.size;
  }

  /**
   * The program; compiles it the first time, together for all who ask meanwhile. Compiling blocks a
   * Deno isolate: 65 ms to 0.6 s for a large module.
   *
   * @param name For messages.
   * @throws {KernelCompileError} With the compiler's lines. Not cached: the next call compiles again.
   * @throws {GpuDeviceLostError} When the device is gone.
   */
  async get(
    name: string,
    wgsl: string,
    entry?: string,
    options: ReflectOptions = {},
  ): Promise<Program> {
    this.#guard.check();
    const key = `${entry ?? ""}\n${JSON.stringify(options)}\n${wgsl}`;
    const ready = this.#ready.get(key);
    if (ready !== undefined) return ready;
    let compiling = this.#compiling.get(key);
    if (compiling === undefined) {
      compiling = this.#compile(name, wgsl, entry, options).then((program) => {
        this.#ready.set(key, program);
        return program;
      }).finally(() => this.#compiling.delete(key));
      this.#compiling.set(key, compiling);
    }
    return await this.#guard.whileAlive(compiling);
  }

  /**
   * Compiles a source for all its entry points, once.
   *
   * @throws {KernelCompileError} With the compiler's lines. Not cached.
   * @throws {GpuDeviceLostError} When the device is gone.
   */
  async compile(name: string, wgsl: string): Promise<GPUShaderModule> {
    this.#guard.check();
    let module = this.#modules.get(wgsl);
    if (module === undefined) {
      module = this.#module(name, wgsl);
      this.#modules.set(wgsl, module);
      module.catch(() => this.#modules.delete(wgsl));
    }
    return await this.#guard.whileAlive(module);
  }

  async #module(name: string, wgsl: string): Promise<GPUShaderModule> {
    const { device } = this.#guard;
    // The compiler goes first: its diagnostics are better than those of the reflection's parser.
    let code = wgsl;
    let prepareError: unknown = null;
    try {
      code = prepareSource(wgsl, this.#stripEnables).compilable;
    } catch (error) {
      prepareError = error;
    }
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ label: name, code });
    const invalid = await device.popErrorScope();
    this.#guard.check();
    if (invalid !== null) await this.#refuse(name, wgsl, module, invalid);
    if (prepareError !== null) throw named(name, wgsl, prepareError);
    return module;
  }

  async #compile(
    name: string,
    wgsl: string,
    entry: string | undefined,
    options: ReflectOptions,
  ): Promise<Program> {
    const module = await this.compile(name, wgsl);
    let kernel: KernelInterface;
    try {
      kernel = reflectKernel(wgsl, entry, options);
    } catch (error) {
      throw named(name, wgsl, error);
    }
    return await this.#link(name, wgsl, module, kernel, options.overrides ?? {});
  }

  async #refuse(
    name: string,
    wgsl: string,
    module: GPUShaderModule,
    invalid: GPUError,
  ): Promise<never> {
    const { messages } = await module.getCompilationInfo();
    const diagnostics = messages.filter((m) => m.type === "error").map((m) => ({
      line: m.lineNum,
      column: m.linePos,
      message: plainMessage(m.message),
    }));
    if (diagnostics.length === 0) {
      diagnostics.push({ line: 0, column: 0, message: plainMessage(invalid.message) });
    }
    throw compileError(name, wgsl, diagnostics, { cause: invalid });
  }

  async #link(
    name: string,
    wgsl: string,
    module: GPUShaderModule,
    kernel: KernelInterface,
    overrides: Overrides,
  ): Promise<Program> {
    const { device } = this.#guard;
    const groups = Math.max(-1, ...kernel.bindings.map((b) => b.group)) + 1;
    const constants: Record<string, number> = {};
    for (const [override, value] of Object.entries(overrides)) {
      constants[kernel.overrides.find((one) => one.name === override)!.key] = Number(value);
    }
    device.pushErrorScope("validation");
    const layouts = Array.from({ length: groups }, (_, group) =>
      device.createBindGroupLayout({
        label: `${name} group ${group}`,
        entries: kernel.bindings.filter((b) => b.group === group).map(layoutEntry),
      }));
    const pipeline = device.createComputePipeline({
      label: name,
      layout: device.createPipelineLayout({ bindGroupLayouts: layouts }),
      compute: { module, entryPoint: kernel.entry, constants },
    });
    const invalid = await device.popErrorScope();
    this.#guard.check();
    if (invalid !== null) {
      const given = Object.keys(constants).length > 0
        ? `; overrides: ${JSON.stringify(overrides)}`
        : "";
      const message = `entry point "${kernel.entry}": ${plainMessage(invalid.message)}${given}`;
      throw compileError(name, wgsl, [{ line: 0, column: 0, message }], { cause: invalid });
    }
    return { id: this.#nextId++, pipeline, layouts, interface: kernel };
  }
}

/** An error of the reflection with the kernel's name and line of source. */
export function named(name: string, wgsl: string, error: unknown): unknown {
  if (!(error instanceof KernelCompileError)) return error;
  return compileError(name, wgsl, error.diagnostics, { cause: error });
}
