import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { KeyStore } from '../src/keys/key-store.ts';
import { hatchery, shellCommand } from './hatchery.ts';

/** What bash would offer behind these words; sandboxes are asked of nobody. */
function offeredBy(script: string, words: readonly string[]): string[] {
  const typed = words.map((word) => `'${word}'`).join(' ');
  const text = `hatchery() { ${shellCommand} "$@"; }
${script}
COMP_WORDS=(hatchery ${typed}); COMP_CWORD=${words.length}; _hatchery; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { ...process.env, HATCHERY_SOCKET: '/nonexistent' };
  return execFileSync('bash', ['-c', text], { encoding: 'utf8', env }).trim().split('\n');
}

it('completion bash makes bash offer commands and options, and runs nothing that is typed', {
  timeout: 60_000,
}, async () => {
  const { code, stdout } = await hatchery(['completion', 'bash']);
  expect(code).toBe(0);
  const script = stdout.toString();
  expect(offeredBy(script, ['ru'])).toEqual(['run']);
  expect(offeredBy(script, ['run', '--mem'])).toEqual(['--memory']);
  expect(offeredBy(script, ['run', '--network', ''])).toEqual(['none', 'slot']);
  expect(offeredBy(script, ['keys', 'rev'])).toEqual(['revoke']);
  expect(offeredBy(script, ['serve', '--drain'])).toEqual(['--drain-timeout']);
  expect(offeredBy(script, ['exec', '$(echo x >&2; kill -9 $$)', ''])).toEqual(['']);
});

it('completion knows zsh and fish, and says what it knows', async () => {
  for (const shell of ['zsh', 'fish'])
    expect(await hatchery(['completion', shell])).toMatchObject({ code: 0, stderr: '' });
  expect(await hatchery(['completion', 'ksh'])).toMatchObject({
    code: 125,
    stderr: 'hatchery: [ERR_USAGE] completion: "ksh" is none of bash, zsh, fish\n',
  });
});

it('keys revoke completes the names of keys', { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-completion-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  await KeyStore.open(directory).create('laptop');
  const env = { ...process.env, HATCHERY_DATA_DIRECTORY: directory };
  const { stdout } = await hatchery(['complete', '--', 'keys', 'revoke', ''], { env });
  expect(stdout.toString()).toMatch(/^laptop\b/m);
});
