/** Told of each section when it ends, on the thread it ran on. */
export type SectionListener = (name: string, ownMs: number) => void;

const listeners = new Set<SectionListener>();
/** What the sections inside the running one have taken. */
let innerMs = 0;

/**
 * Runs synchronous work under a name, so that a loop that it holds up has somebody to name; of an asynchronous `act` only
 * what it does before it first waits. There is one event loop a thread, so this is the thread's, not a runtime's.
 * @param onMeasured gets its own milliseconds, without those of sections inside; what it throws replaces the result
 */
export function inSection<T>(name: string, act: () => T, onMeasured?: (ownMs: number) => void): T {
  if (listeners.size === 0 && onMeasured === undefined) return act();
  const outerMs = innerMs;
  innerMs = 0;
  const beginMs = performance.now();
  try {
    return act();
  } finally {
    const tookMs = performance.now() - beginMs;
    const ownMs = tookMs - innerMs;
    innerMs = outerMs + tookMs;
    for (const listener of listeners) listener(name, ownMs);
    onMeasured?.(ownMs);
  }
}

export function listenToSections(listener: SectionListener): Disposable {
  listeners.add(listener);
  return { [Symbol.dispose]: () => void listeners.delete(listener) };
}
