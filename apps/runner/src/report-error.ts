import { write } from './write.ts';

/** One line on stderr, whatever the error holds. */
export async function reportError(error: unknown): Promise<void> {
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
