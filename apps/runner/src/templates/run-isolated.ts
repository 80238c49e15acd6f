import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { CliError } from '../cli-error.ts';

/**
 * Runs a program that changes a root: with mounts and processes of its own, which are gone when it ends, and when this
 * process dies in any way. Its lines of both outputs go to `tell`; the last ones are in the error.
 * Throws ERR_TEMPLATE_BUILD.
 */
export async function runIsolated(command: readonly string[], tell: (line: string) => void): Promise<void> {
  // setpriv: unshare dies with us. unshare: whatever it started dies with unshare.
  const wrapped = 'setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc'.split(' ');
  const [program = '', ...args] = [...wrapped, ...command];
  // Nothing of our own environment: a proxy is all that a download needs of it.
  const options: SpawnOptions = { stdio: ['ignore', 'pipe', 'pipe'], env: buildEnvironment() };
  const child = spawn(program, args, options);
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > 5) lines.shift();
      tell(line);
    });
  }
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  if (code === 0) return;
  const text = `${command[0]} ended with ${code ?? signal}: ${lines.join(' / ')}; correct that and start the build again`;
  throw new CliError('ERR_TEMPLATE_BUILD', text);
}

/** Where programs are looked for; what a root has in it is found by the same one. */
export function buildPath(): string {
  return process.env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
}

function buildEnvironment(): NodeJS.ProcessEnv {
  const proxies = Object.entries(process.env).filter(([name]) => /^(https?|ftp|no)_proxy$/i.test(name));
  return { ...Object.fromEntries(proxies), PATH: buildPath(), LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' };
}
