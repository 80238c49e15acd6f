import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A process in a network namespace of its own. */
export interface NetworkInhabitant {
  readonly pid: number;
  /** Idempotent; resolves when the process has been reaped. */
  end(): Promise<void>;
}

/** It serves what `program`, of node, says; resolves when that has printed something. Loopback is up, and nothing else. */
export async function inhabitNetwork(program: string): Promise<NetworkInhabitant> {
  const shell = 'ip link set lo up && exec "$0" -e "$1"';
  const child = spawn('unshare', ['--net', 'sh', '-c', shell, process.execPath, program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the server did not start'))),
  ]);
  return {
    pid: child.pid ?? 0,
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
