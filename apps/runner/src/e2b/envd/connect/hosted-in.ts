import { type ContextValues, createContextKey, createContextValues, type HandlerContext } from '@connectrpc/connect';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import { userOf } from '../request-user.ts';

interface Caller {
  readonly hosted: HostedSandbox;
  readonly user: string;
}

const key = createContextKey<Caller | null>(null);

/** Says of a call which sandbox it is for and whom it acts as. */
export function contextValuesOf(hosted: HostedSandbox, authorization: string | undefined): ContextValues {
  return createContextValues().set(key, { hosted, user: userOf(authorization, hosted) });
}

/** The sandbox that a call is for. @public */
export function hostedIn(context: HandlerContext): HostedSandbox {
  return callerIn(context).hosted;
}

/** Whom a call acts as. @public */
export function userIn(context: HandlerContext): string {
  return callerIn(context).user;
}

function callerIn({ values }: HandlerContext): Caller {
  const caller = values.get(key);
  if (caller === null) throw new Error('a call reached a service without a sandbox');
  return caller;
}
