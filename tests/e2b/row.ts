import type { Sandbox, SandboxOpts } from 'e2b';
import type { Row as ClientRow } from '../conformance/row.ts';
import type { Client } from './client.ts';

/** What only stands as a refusal: named in the answer, never invented data. */
export type Refusal = 'rules by domain' | 'snapshots' | 'fork' | 'template builds' | 'volumes' | 'secrets';

/** What a row is given: a client of one version, wired to the server as a user's would be. */
export interface Trial {
  readonly client: Client;
  /** The server's address, which is both E2B_API_URL and E2B_SANDBOX_URL. */
  readonly url: string;
  /** A sandbox that rows share: it runs, and stays. */
  readonly sandbox: Sandbox;
  /** One for this row alone; it is killed afterwards. */
  readonly fresh: (options?: SandboxOpts) => Promise<Sandbox>;
}

/** One way of using one method. */
export type Row = ClientRow<Trial, Refusal>;
