/** Reports as they come, and tests that wait for them. */
import type {
  CallReport,
  DeadlockReport,
  DebugOptions,
  DebugReport,
  HostOptions,
  LoopReport,
} from "@dramatis/dramatis";
import { openStage, type PlaceName, type Stage } from "../integration/placements.ts";

/** The reports of a kind. */
type ReportOf<K extends DebugReport["kind"]> = K extends CallReport["kind"] ? CallReport
  : K extends LoopReport["kind"] ? LoopReport
  : DeadlockReport;

/** Takes the reports of the hosts of a test. */
export class Reports {
  /** All of them. */
  readonly all: DebugReport[] = [];
  #arrived = Promise.withResolvers<void>();

  /** For `debug.onReport`. */
  readonly take = (report: DebugReport): void => {
    this.all.push(report);
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  };

  /** The first that is of a kind, and matches; waits for it. */
  async first<K extends DebugReport["kind"]>(
    kind: K,
    matches: (report: ReportOf<K>) => boolean = () => true,
  ): Promise<ReportOf<K>> {
    for (;;) {
      const arrived = this.#arrived.promise;
      const found = this.all.find((one) => one.kind === kind && matches(one as ReportOf<K>));
      if (found !== undefined) return found as ReportOf<K>;
      await arrived;
    }
  }

  /** The methods of the calls that were reported, sorted. */
  get methods(): string[] {
    return this.all.flatMap((one) => "method" in one ? [one.method] : []).sort();
  }
}

/** Opens the stage of a place whose hosts report here. */
export function openReported(
  place: PlaceName,
  reports: Reports,
  debug: DebugOptions,
  options: HostOptions = {},
): Promise<Stage> {
  // The watch does not keep a process alive; a worker does.
  return openStage(place, {
    worker: true,
    ...options,
    debug: { onReport: reports.take, ...debug },
  });
}

/** Registers a test of reports once for each place. */
export function testReports(
  name: string,
  debug: DebugOptions,
  body: (stage: Stage, reports: Reports) => Promise<void>,
): void {
  for (const place of ["main", "worker", "remote"] as const) {
    Deno.test(`${name} (${place})`, async () => {
      const reports = new Reports();
      await using stage = await openReported(place, reports, debug);
      await body(stage, reports);
    });
  }
}
