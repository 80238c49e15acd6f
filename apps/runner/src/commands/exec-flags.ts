import type { ClientFlags } from '../client/open-client.ts';

/** The flags of `exec` as they were typed. */
export interface ExecFlags extends ClientFlags {
  interactive?: boolean;
  tty?: boolean;
  detach?: boolean;
  env?: string[];
  workdir?: string;
  user?: string;
  timeout?: string;
}
