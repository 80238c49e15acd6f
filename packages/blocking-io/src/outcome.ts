import { type ThrownData, thrownAsData, thrownFromData } from './error-as-data.ts';

/** How a job or call ended, as it crosses the thread. */
export type Outcome = { readonly value: unknown } | { readonly thrown: ThrownData };

export async function outcomeOf(work: () => unknown): Promise<Outcome> {
  try {
    return { value: await work() };
  } catch (thrown) {
    return { thrown: thrownAsData(thrown) };
  }
}

/** The value, or throws what the worker threw. */
export function valueOf(outcome: Outcome): unknown {
  if ('thrown' in outcome) throw thrownFromData(outcome.thrown);
  return outcome.value;
}
