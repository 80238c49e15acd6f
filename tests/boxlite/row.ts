import type * as client from '@boxlite-ai/boxlite';
import type { Row as ClientRow } from '../conformance/row.ts';
import type { BoxOptions, ClientBox } from './client.ts';

/** What only stands as an error: the server's, or the client's own where it says that REST mode has no such thing. */
export type Refusal =
  | 'snapshots'
  | 'clone'
  | 'export'
  | 'import'
  | 'images, by the client'
  | 'ports, by the client'
  | 'an image that is not registered';

/** What a row is given: the client in REST mode, wired to the server as a user's would be. */
export interface Trial {
  readonly client: typeof client;
  readonly runtime: client.Boxlite;
  readonly url: string;
  readonly key: string;
  /** A directory of this host for this row alone. */
  readonly directory: string;
  /** A box that rows share: it runs, and stays. */
  readonly box: ClientBox;
  /** One for this row alone; it is removed afterwards. */
  readonly fresh: (options?: BoxOptions, name?: string) => Promise<ClientBox>;
}

/** One way of using one method. */
export type Row = ClientRow<Trial, Refusal>;
