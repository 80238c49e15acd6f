import { NetworkError, type NetworkErrorCode } from '@hatchery/network';
import { type ErrorCode, HatcheryError } from '../errors.ts';

const codes: Readonly<Record<NetworkErrorCode, ErrorCode>> = {
  ERR_NETWORK_RULES: 'ERR_SPEC_INVALID',
  ERR_NETWORK_OPTION: 'ERR_SPEC_INVALID',
  ERR_NETWORK_PERMISSION: 'ERR_NETWORK_UNSUPPORTED',
  ERR_NETWORK_UNSUPPORTED: 'ERR_NETWORK_UNSUPPORTED',
  ERR_NETWORK_RANGE: 'ERR_NETWORK_UNSUPPORTED',
  ERR_NETWORK_FAILED: 'ERR_NETWORK_FAILED',
  ERR_NETWORK_CLOSED: 'ERR_RUNTIME_CLOSED',
};

/** What an error of @hatchery/network is called here. */
export function networkErrorCode({ code, step }: NetworkError): ErrorCode {
  // The range is one that this host has a use for; or all of it is taken.
  return code === 'ERR_NETWORK_RANGE' && step === 'lease an address' ? 'ERR_RESOURCES' : codes[code];
}

/** @param what the call on the sandbox, e.g. `updateNetwork() of sandbox i1` */
export function networkFailure(what: string, cause: unknown): unknown {
  if (!(cause instanceof NetworkError)) return cause;
  return new HatcheryError(networkErrorCode(cause), `${what}: ${cause.message}`, { step: cause.step, cause });
}
