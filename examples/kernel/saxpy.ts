/** A kernel: WGSL in a file of its own, types written from it, and a twin for machines without a GPU. */
import { kernel } from "@dramatis/dramatis/gpu";
import wgsl from "./saxpy.wgsl" with { type: "text" };
import type { SaxpyArgs, SaxpyOut } from "./saxpy_args.ts";

export const saxpy = kernel<SaxpyArgs, SaxpyOut>(import.meta, "saxpy", {
  wgsl,
  check: ({ x, y, p }) =>
    Math.min(x.length, y.length) < p.n ? "x and y must be n numbers" : undefined,
  cpu: ({ x, y, p }) => {
    for (let i = 0; i < p.n; i++) y[i]! += p.a * x[i]!;
  },
});
