import { HatcheryError } from '@hatchery/runtime';
import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';
import type { HostedSandboxes } from '../hosted/hosted-sandboxes.ts';
import { Refusal } from './refusal.ts';

/** Throws a Refusal if there is none, or none any more. */
export function requireHosted(hosted: HostedSandboxes, sandboxId: string): HostedSandbox {
  const found = hosted.find(sandboxId);
  if (found === undefined || ['destroying', 'destroyed', 'failed'].includes(found.sandbox.state))
    throw Refusal.notFound(sandboxId);
  return found;
}

/** Has a sandbox running, if its traffic may resume it. Throws a Refusal otherwise. */
export async function awake(hosted: HostedSandboxes, found: HostedSandbox): Promise<void> {
  const { id, sandbox, details } = found;
  const { state } = sandbox;
  if (state === 'running') return;
  // One that was stopped has no processes that could answer: nothing but its owner starts it.
  if (state === 'stopped' || (state === 'paused' && !details.autoResume)) throw Refusal.notFound(id);
  if (!details.autoResume) throw Refusal.inTransition(id);
  try {
    await hosted.wake(found);
  } catch (cause) {
    throw refusalOfWake(id, cause);
  }
}

function refusalOfWake(sandboxId: string, cause: unknown): unknown {
  if (!(cause instanceof HatcheryError)) return cause;
  if (cause.code === 'ERR_SANDBOX_NOT_FOUND') return Refusal.notFound(sandboxId, { cause });
  if (cause.code === 'ERR_SANDBOX_STATE') return Refusal.inTransition(sandboxId, { cause });
  return new Refusal(503, 'The sandbox could not be resumed; try again', { sandboxId }, { cause });
}
