/** How many workgroups to dispatch, past the 65,535 that WebGPU allows in one dimension. */

/** What every device runs in one dimension. */
const MAX_WORKGROUPS = 65_535;

/** In x, y and z. */
export type Grid = readonly [number, number, number];

/**
 * At least `groups` workgroups as rows of equal length, so the last row may have some too many. The
 * WGSL numbers them by `workgroup_id.y * num_workgroups.x + workgroup_id.x`.
 */
export function gridOf(groups: number): Grid {
  const rows = Math.ceil(groups / MAX_WORKGROUPS);
  return [rows === 0 ? 0 : Math.ceil(groups / rows), rows, 1];
}

/** The invocations of {@linkcode gridOf}, for a workgroup of `width` times `height`. */
export function threadsOf(groups: number, width: number, height = 1): Grid {
  const [x, y, z] = gridOf(groups);
  return [x * width, y * height, z];
}
