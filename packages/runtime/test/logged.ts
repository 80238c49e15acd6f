import type { Logger } from '../src/index.ts';

export interface Line {
  readonly level: 'warn' | 'error';
  readonly context: Record<string, unknown>;
  readonly message: string;
}

/** A logger, and what was warned of and complained about. */
export function logged(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const silent = (): void => {};
  const keep =
    (level: Line['level']) =>
    (context: object, message = ''): void =>
      void lines.push({ level, context: context as Line['context'], message });
  return { logger: { debug: silent, info: silent, warn: keep('warn'), error: keep('error') }, lines };
}

/** Holds the thread up, as a subscriber must not. */
export function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
