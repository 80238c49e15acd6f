import { Reader } from '@hatchery/linux';

/** Everything that comes from a pipe or a terminal's master up to its end, which closes the descriptor. */
export async function readToEnd(fd: number): Promise<string> {
  const chunks: Buffer[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  using reader = new Reader(fd, () => {
    try {
      const buffer = Buffer.alloc(65_536);
      const length = reader.read(buffer);
      if (length === 0) resolve();
      else if (length !== null) chunks.push(buffer.subarray(0, length));
    } catch (error) {
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  });
  reader.start();
  await promise;
  return Buffer.concat(chunks).toString();
}
