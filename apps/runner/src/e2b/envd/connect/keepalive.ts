/** Clients that name no other: seconds. */
const defaultSeconds = 90;
const maxSeconds = 3600;

/** From `Keepalive-Ping-Interval`, in seconds; what is no whole number from 1 to an hour counts as absent. */
export function keepaliveMs(header: string | null): number {
  const given = /^\d{1,4}$/.test(header ?? '') ? Number(header) : 0;
  return (given >= 1 && given <= maxSeconds ? given : defaultSeconds) * 1000;
}

/** Puts a message between those of a stream whenever none has come for `everyMs`. */
export async function* withKeepalive<T>(
  messages: AsyncIterable<T>,
  everyMs: number,
  keepalive: () => T,
): AsyncGenerator<T> {
  const source = messages[Symbol.asyncIterator]();
  let next = source.next();
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const idle = new Promise<null>((resolve) => {
        timer = setTimeout(resolve, everyMs, null);
      });
      const first = await Promise.race([next, idle]).finally(() => clearTimeout(timer));
      if (first === null) {
        yield keepalive();
        continue;
      }
      if (first.done === true) return;
      yield first.value;
      next = source.next();
    }
  } finally {
    // It may be waiting for its next message: who asks it to end sees to that by its own signal.
    next.catch(() => {});
    void source.return?.()?.catch(() => {});
  }
}
