import type { Sandbox } from '@hatchery/runtime';
import type { HostedDetails } from './hosted-details.ts';

/** A sandbox that was made through the E2B API. The same object for as long as this server knows it. */
export interface HostedSandbox {
  readonly id: string;
  readonly sandbox: Sandbox;
  /** Persisted with the sandbox. */
  readonly details: HostedDetails;
  /** Opens envd; null: made with `secure: false`, nothing is asked. */
  readonly envdToken: string | null;
  /** Opens the user ports; null: public traffic is allowed. */
  readonly trafficToken: string | null;
}
