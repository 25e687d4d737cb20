/** The text format of Prometheus, version 0.0.4. */

/** How a scraper is told which it is. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** One number: the labels that tell it from others of its name, and the number. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Numbers of one name. */
export interface Metric {
  /** Ends in its unit; of counters, in `_total`. */
  readonly name: string;
  readonly type: "counter" | "gauge";
  /** One sentence for people. */
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Writes metrics as text; those without a number are left out. */
export function formatMetrics(metrics: readonly Metric[]): string {
  return metrics.filter(({ samples }) => samples.length > 0).map(formatMetric).join("");
}

function formatMetric({ name, type, help, samples }: Metric): string {
  const lines = samples.map(([labels, value]) =>
    `${name}${formatLabels(labels)} ${number(value)}\n`
  );
  return `# HELP ${name} ${escape(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) =>
    `${name}="${escape(value).replaceAll('"', '\\"')}"`
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
