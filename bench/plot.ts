/** Plots for reports: lines as SVG, without a library. @module */

/** A line of a plot: its points from left to right. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What a plot says. */
export interface Plot {
  readonly title: string;
  /** What is along the logarithmic x axis, and along the y axis, from 0 to 1. */
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
}

const WIDTH = 780, HEIGHT = 420, LEFT = 60, RIGHT = 210, TOP = 40, BOTTOM = 50;
const COLOURS = ["#b0413e", "#d08c1d", "#3a7ca5", "#2e7d4f"];

/** A plot as SVG: x by its logarithm, y from 0 to 1. */
export function svgOf({ title, x, y, lines }: Plot): string {
  const xs = lines.flatMap(({ points }) => points.map(([at]) => at)).filter((at) => at > 0);
  const [first, last] = [Math.floor(Math.log10(Math.min(...xs))), Math.log10(Math.max(...xs))];
  const across = WIDTH - LEFT - RIGHT, down = HEIGHT - TOP - BOTTOM;
  const atX = (value: number) => LEFT + across * (Math.log10(value) - first) / (last - first);
  const atY = (value: number) => TOP + down * (1 - value);
  const ticks = Array.from({ length: Math.floor(last) - first + 1 }, (_, i) => 10 ** (first + i));
  const parts = [
    ...ticks.map((tick) => vertical(atX(tick), `${tick}`)),
    ...[0, 0.25, 0.5, 0.75, 1].map((tick) => horizontal(atY(tick), `${tick}`)),
    ...lines.flatMap(({ name, points }, i) => {
      const path = points.filter(([at]) => at > 0)
        .map(([at, value]) => `${atX(at).toFixed(1)},${atY(value).toFixed(1)}`);
      const colour = COLOURS[i % COLOURS.length]!;
      return [
        `<polyline points="${path.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        text(WIDTH - RIGHT + 12, TOP + 20 * (i + 1), name, `fill="${colour}"`),
      ];
    }),
    text(LEFT, 24, title, 'font-weight="bold"'),
    text(LEFT + across / 2, HEIGHT - 12, x, 'text-anchor="middle"'),
    text(
      14,
      TOP + down / 2,
      y,
      `text-anchor="middle" transform="rotate(-90 14 ${TOP + down / 2})"`,
    ),
  ];
  const box = `viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}"`;
  const style = 'font-family="sans-serif" font-size="13"';
  return `<svg xmlns="http://www.w3.org/2000/svg" ${box} ${style}>\n` +
    `<rect width="100%" height="100%" fill="white"/>\n${parts.join("\n")}\n</svg>\n`;
}

function vertical(at: number, label: string): string {
  const end = HEIGHT - BOTTOM;
  return `<line x1="${at}" x2="${at}" y1="${TOP}" y2="${end}" stroke="#ddd"/>` +
    text(at, end + 18, label, 'text-anchor="middle"');
}

function horizontal(at: number, label: string): string {
  return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#ddd"/>` +
    text(LEFT - 8, at + 4, label, 'text-anchor="end"');
}

function text(x: number, y: number, content: string, style: string): string {
  const safe = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x}" y="${y}" ${style}>${safe}</text>`;
}
