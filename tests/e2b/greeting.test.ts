import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const main = fileURLToPath(new URL('../../apps/runner/src/main.ts', import.meta.url));
const client = fileURLToPath(new URL('../../node_modules/e2b', import.meta.url));

/** The server, and all that it has printed once its snippet is complete. */
async function start(directory: string, flags: readonly string[]): Promise<string> {
  const places = ['--run-directory', directory, '--data-directory', join(directory, 'data'), '--port', '0'];
  const args = [
    '--conditions=@hatchery/source',
    main,
    'serve',
    ...places,
    '--pool-ceiling',
    '0',
    '--on-exit',
    'destroy',
    ...flags,
  ];
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    rmSync(directory, { recursive: true });
  });
  let printed = '';
  for await (const chunk of server.stdout) {
    printed += String(chunk);
    if (/^node .*\n/m.test(printed)) return printed;
  }
  throw new Error(`the server ended: ${printed}`);
}

it.each([
  ['http', []],
  ['https', ['--tls-dev']],
])('what serve prints works over %s when it is pasted into a shell', { timeout: 120_000 }, async (scheme, flags) => {
  const printed = await start(mkdtempSync(join(tmpdir(), 'hatchery-greeting-')), flags);
  expect(printed).toContain(`hatchery listens at ${scheme}://`);
  const [, snippet = ''] = /^(npm install [^]*)/m.exec(printed) ?? [];
  expect(snippet.trim().split('\n').length).toBeLessThanOrEqual(10);

  const cwd = mkdtempSync(join(tmpdir(), 'hatchery-paste-'));
  onTestFinished(() => rmSync(cwd, { recursive: true }));
  mkdirSync(join(cwd, 'node_modules'));
  symlinkSync(client, join(cwd, 'node_modules', 'e2b'));
  // The client is there already; everything else is as it was printed.
  const { stdout } = await promisify(execFile)('sh', ['-c', `npm() { :; }\n${snippet}`], { cwd });
  expect(stdout).toMatch(/^hello from \S+\n/);
});
