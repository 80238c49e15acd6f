import type { Readable } from 'node:stream';

/**
 * Does what takes its bytes from a stream of the caller's. When that fails the stream is destroyed, as `pipeline()` does;
 * when it is the stream that has failed, its own error is thrown.
 */
export async function fromSource<T>(source: Readable, act: () => Promise<T>): Promise<T> {
  let own: { readonly error: Error } | null = null;
  const onError = (error: Error): void => {
    own ??= { error };
  };
  source.on('error', onError);
  try {
    return await act();
  } catch (error) {
    const failed = (own as { readonly error: Error } | null)?.error;
    source.destroy();
    // What the stream says because it was destroyed is not why.
    const isWhy = failed !== undefined && error instanceof Error && (error === failed || error.cause === failed);
    throw isWhy ? failed : error;
  } finally {
    // Later than what the destroy may still say.
    source.once('close', () => source.off('error', onError));
  }
}
