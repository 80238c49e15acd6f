import type { Sandbox } from '@hatchery/runtime';
import type { BoxDetails } from './box-details.ts';

/** A sandbox that was made through the BoxLite API. The same object for as long as this server knows it. */
export interface Box {
  readonly id: string;
  readonly sandbox: Sandbox;
  /** Persisted with the sandbox. */
  readonly details: BoxDetails;
}
