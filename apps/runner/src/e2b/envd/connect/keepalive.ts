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
  let outcome: PromiseSettledResult<IteratorResult<T>> | null = null;
  let wake = (): void => {};
  const ask = (): void => {
    outcome = null;
    const settle = (how: PromiseSettledResult<IteratorResult<T>>): void => {
      outcome = how;
      wake();
    };
    source.next().then(
      (value) => settle({ status: 'fulfilled', value }),
      (reason: unknown) => settle({ status: 'rejected', reason }),
    );
  };
  /** Not a race against one promise for each keepalive: a stream that is quiet for long would gather them. */
  const waited = async (): Promise<typeof outcome> => {
    if (outcome !== null) return outcome;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, everyMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return outcome;
  };
  ask();
  try {
    for (;;) {
      const next = await waited();
      if (next === null) yield keepalive();
      else if (next.status === 'rejected') throw next.reason;
      else if (next.value.done === true) return;
      else {
        yield next.value.value;
        ask();
      }
    }
  } finally {
    // It may be waiting for its next message: who asks it to end sees to that by its own signal.
    void source.return?.()?.catch(() => {});
  }
}
