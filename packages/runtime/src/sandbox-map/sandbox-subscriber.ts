import { checkText } from '../spec/fields.ts';
import { invalid } from '../spec/invalid.ts';
import type { Sandbox } from '../types.ts';
import type { MapSubscriber } from './subscriber.ts';

/** Hears of the lifecycles of a runtime's sandboxes. */
export interface SandboxSubscriber extends MapSubscriber<Sandbox> {}

const maxNameBytes = 128;

/** Of whatever class it is: what it has beside its callbacks is its own. Throws ERR_SPEC_INVALID. */
export function checkSubscriber(option: string, value: unknown): SandboxSubscriber {
  if (typeof value !== 'object' || value === null) throw invalid(option, value, 'an object with a name and callbacks');
  const subscriber = value as Partial<Record<keyof SandboxSubscriber, unknown>>;
  if (checkText(`${option}.name`, subscriber.name, maxNameBytes) === '')
    throw invalid(`${option}.name`, '', 'not empty: it is what a report names');
  for (const callback of ['onInsert', 'onRemove', 'onNetworkRelease'] as const)
    if (!['function', 'undefined'].includes(typeof subscriber[callback]))
      throw invalid(`${option}.${callback}`, subscriber[callback], 'a function');
  return value as SandboxSubscriber;
}
