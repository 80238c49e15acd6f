import { type ContextValues, createContextKey, createContextValues, type HandlerContext } from '@connectrpc/connect';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import { userOf } from '../request-user.ts';

interface Caller {
  readonly hosted: HostedSandbox;
  readonly user: string;
  readonly breakOff: () => void;
}

const key = createContextKey<Caller | null>(null);

/** Says of a call which sandbox it is for, whom it acts as, and how its connection is broken. */
export function contextValuesOf(
  hosted: HostedSandbox,
  authorization: string | undefined,
  breakOff: () => void,
): ContextValues {
  return createContextValues().set(key, { hosted, user: userOf(authorization, hosted), breakOff });
}

/** The sandbox that a call is for. */
export function hostedIn(context: HandlerContext): HostedSandbox {
  return callerIn(context).hosted;
}

/** Whom a call acts as. */
export function userIn(context: HandlerContext): string {
  return callerIn(context).user;
}

/** Breaks the answer of a call off, whatever is on the way. */
export function breakOffCall(context: HandlerContext): void {
  callerIn(context).breakOff();
}

function callerIn({ values }: HandlerContext): Caller {
  const caller = values.get(key);
  if (caller === null) throw new Error('a call reached a service without a sandbox');
  return caller;
}
