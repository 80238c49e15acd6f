import { write } from './write.ts';

/** One line on stderr for each error, whatever it holds. */
export async function reportError(error: unknown): Promise<void> {
  for (const part of partsOf(error)) await reportOne(part);
}

/** What a failing clean-up hides (`await using`), and what one of several hides: the first cause comes first. */
function partsOf(error: unknown): unknown[] {
  if (error instanceof SuppressedError) return [...partsOf(error.suppressed), ...partsOf(error.error)];
  if (error instanceof AggregateError) return [...error.errors.flatMap(partsOf), error.message];
  return [error];
}

async function reportOne(error: unknown): Promise<void> {
  const text = error instanceof Error ? error.message : String(error);
  const line = text.replaceAll(/\s*\n\s*/g, ' ');
  const hasCode = line.startsWith('[');
  try {
    await write(process.stderr, `hatchery: ${hasCode ? '' : '[ERR_INTERNAL] '}${line}\n`);
  } catch {
    // Without a reader of stderr nothing can be said; the exit code still tells.
  }
}

/** Whether the reader of our own output has gone. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}
