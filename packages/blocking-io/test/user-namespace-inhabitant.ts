import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';

/** A process in a user namespace of its own. */
export interface Inhabitant {
  readonly pid: number;
  /** Idempotent; resolves when the process has been reaped. */
  end(): Promise<void>;
}

/** Its ids 0 to 65,535 are `firstId` and the following ones of the host. */
export async function inhabit(firstId: number): Promise<Inhabitant> {
  const child = spawn('unshare', ['--user', 'sh', '-c', 'echo inside; exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${child.pid}/${map}`, `0 ${firstId} 65536\n`);
  return {
    pid: child.pid ?? 0,
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
