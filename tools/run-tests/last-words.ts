const beginsACrash =
  /Fatal error|FATAL ERROR|Assertion .* failed|Check failed|corrupt|double free|free\(\)|malloc\(\)|terminate called|Native stack trace/;
const linesOfACrash = 30;
const linesKept = 200;

/** What processes that crashed wrote last, out of all that a test run wrote: it would be hours of lines above its end. */
export class LastWords {
  readonly lines: string[] = [];
  #partial = '';
  #wanted = 0;

  push(chunk: string): void {
    const lines = (this.#partial + chunk).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) {
      if (beginsACrash.test(line)) this.#wanted = linesOfACrash;
      if (this.#wanted === 0 || this.lines.length === linesKept) continue;
      this.#wanted -= 1;
      this.lines.push(line);
    }
  }
}
