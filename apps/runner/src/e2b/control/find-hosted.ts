import { ControlError } from '../../serve/control-error.ts';
import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';
import type { E2bContext } from './control-context.ts';

/** Throws 404, in the words that clients know. */
export function findHosted({ hosted }: E2bContext, id: string): HostedSandbox {
  const found = hosted.find(id);
  if (found === undefined) throw notFound(id);
  return found;
}

/** Likewise; throws 409 for one whose end has begun: it may still be there for a moment, and takes no more changes. */
export function findLasting(context: E2bContext, id: string): HostedSandbox {
  const found = findHosted(context, id);
  if (isEnding(found)) throw new ControlError(409, `Sandbox "${found.id}" is being killed`);
  return found;
}

export function isEnding({ sandbox }: HostedSandbox): boolean {
  return sandbox.state === 'destroying' || sandbox.state === 'destroyed';
}

export function notFound(id: string): ControlError {
  return new ControlError(404, `Sandbox "${id}" doesn't exist or you don't have access to it`);
}
