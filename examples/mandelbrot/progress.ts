/** Progress of a known number of steps: a bar on a terminal, plain lines elsewhere. @module */

/** How far something has come. */
export interface ProgressState {
  /** Steps finished. */
  readonly done: number;
  /** Steps in all. */
  readonly total: number;
  /** Milliseconds since the start. */
  readonly elapsedMs: number;
}

/** How a bar is drawn. */
export interface BarStyle {
  /** Columns of the terminal; the bar keeps one free, so that no terminal wraps it. */
  readonly columns: number;
  /** Whether to use ANSI colours. */
  readonly colour: boolean;
}

/** Where a bar stops growing: longer ones tell no more. */
const LONGEST_BAR = 60;
/** Under this many columns a bar tells nothing; the figures alone are shown. */
const SHORTEST_BAR = 5;
const GREEN = "\x1b[32m";
const DIM = "\x1b[2m";
const RESET = "\x1b[0m";

/** The whole percentage; 100 only when everything is done, 100 too when there was nothing to do. */
export function percent({ done, total }: Pick<ProgressState, "done" | "total">): number {
  if (total <= 0) return 100;
  return Math.floor(100 * Math.min(Math.max(done, 0), total) / total);
}

/** One line with a bar, the figures and the time that is left; no line end. */
export function formatBar(state: ProgressState, style: BarStyle): string {
  const room = Math.max(0, style.columns - 1);
  const figures = formatFigures(state);
  const length = Math.min(LONGEST_BAR, room - figures.length - 1);
  if (length < SHORTEST_BAR) return figures.slice(0, room);
  const full = Math.floor(length * percent(state) / 100);
  const head = "█".repeat(full);
  const tail = "░".repeat(length - full);
  const bar = style.colour ? `${GREEN}${head}${RESET}${DIM}${tail}${RESET}` : head + tail;
  return `${bar} ${figures}`;
}

/** One plain line for logs and pipes; no line end. */
export function formatLine(state: ProgressState): string {
  return formatFigures(state).trimStart();
}

function formatFigures(state: ProgressState): string {
  const { done, total, elapsedMs } = state;
  const count = `${String(percent(state)).padStart(3)} %  ${
    String(done).padStart(String(total).length)
  }/${total}  ${formatSeconds(elapsedMs)}`;
  if (done <= 0 || done >= total) return count;
  return `${count}, ${formatSeconds(elapsedMs / done * (total - done))} left`;
}

function formatSeconds(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** Where progress is shown; {@link standardOutput} is the usual one. */
export interface ProgressOutput {
  /** A terminal gets a bar that is redrawn, anything else gets lines. */
  readonly terminal: boolean;
  /** Whether to use ANSI colours on a terminal. */
  readonly colour: boolean;
  /** Columns of the terminal, asked before every redraw because windows change. */
  columns(): number;
  /** Writes the text as it is. */
  write(text: string): void;
}

/** Standard output: bar or lines by what it is, colours unless `NO_COLOR` is set. */
export function standardOutput(): ProgressOutput {
  const encoder = new TextEncoder();
  return {
    terminal: Deno.stdout.isTerminal(),
    colour: !Deno.noColor,
    columns() {
      // Throws on a terminal that has no size, such as one of a bare pty.
      try {
        return Deno.consoleSize().columns || 80;
      } catch {
        return 80;
      }
    },
    write(text) {
      let rest = encoder.encode(text);
      while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
    },
  };
}

/** Options of {@link Progress}. */
export interface ProgressOptions {
  /** Where to show it. @default standardOutput() */
  readonly output?: ProgressOutput;
  /** The time now, in milliseconds; tests have their own. @default performance.now */
  readonly now?: () => number;
}

/** At most this often a bar is redrawn: faster than the eye only costs time. In milliseconds. */
const REDRAW_MS = 50;
/** Without a terminal, a line each time so many more percent are done. */
const LINE_PERCENT = 10;

/** Shows the progress of `total` steps until it is disposed: `using progress = new Progress(135)`. */
export class Progress implements Disposable {
  readonly #total: number;
  readonly #output: ProgressOutput;
  readonly #now: () => number;
  readonly #start: number;
  #done = 0;
  #drawnAt = -Infinity;
  /** The steps last shown; -1 before the first. */
  #shown = -1;
  #shownPercent = 0;
  #disposed = false;

  /**
   * Starts the clock, and on a terminal draws the empty bar.
   *
   * @throws RangeError if `total` is not a whole number of steps.
   */
  constructor(total: number, options: ProgressOptions = {}) {
    if (!Number.isInteger(total) || total < 0) {
      throw new RangeError(`total must be a whole number of steps, got ${total}`);
    }
    this.#total = total;
    this.#output = options.output ?? standardOutput();
    this.#now = options.now ?? (() => performance.now());
    this.#start = this.#now();
    if (this.#output.terminal) this.#draw();
  }

  /** Counts steps as finished and shows it, if it is time to. */
  advance(steps = 1): void {
    if (this.#disposed) return;
    this.#done = Math.min(this.#total, this.#done + steps);
    if (this.#output.terminal) {
      const due = this.#now() - this.#drawnAt >= REDRAW_MS;
      if (due || this.#done === this.#total) this.#draw();
    } else {
      const reached = percent(this.#state());
      const step = Math.floor(reached / LINE_PERCENT);
      if (step > Math.floor(this.#shownPercent / LINE_PERCENT)) {
        this.#shownPercent = reached;
        this.#output.write(`${formatLine(this.#state())}\n`);
      }
    }
  }

  /** Ends the bar's line, finished or not, so that what is printed next starts a new one. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#output.terminal) return;
    if (this.#shown !== this.#done) this.#draw();
    this.#output.write("\n");
  }

  #state(): ProgressState {
    return { done: this.#done, total: this.#total, elapsedMs: this.#now() - this.#start };
  }

  #draw(): void {
    const { columns, colour } = { columns: this.#output.columns(), colour: this.#output.colour };
    // Erases what a longer line left behind: the time that is left shrinks.
    this.#output.write(`\r${formatBar(this.#state(), { columns, colour })}\x1b[K`);
    this.#drawnAt = this.#now();
    this.#shown = this.#done;
  }
}
