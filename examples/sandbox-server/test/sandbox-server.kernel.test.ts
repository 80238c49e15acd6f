import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';

const directory = fileURLToPath(new URL('..', import.meta.url));
const isRoot = process.getuid?.() === 0;
let server: ChildProcess;
let url: string;

beforeAll(async () => {
  if (!isRoot) return;
  const argv = ['--conditions=@hatchery/source', join(directory, 'src/main.ts'), '0', '600'];
  server = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: server.stdout as NodeJS.ReadableStream }), 'line');
  url = String(line).replace('listening on ', '');
}, 60_000);
afterAll(async () => {
  if (!isRoot || server.exitCode !== null) return;
  server.kill('SIGKILL');
  await once(server, 'exit');
});
beforeEach((context) => {
  if (!isRoot) context.skip('needs root, to make sandboxes');
});

async function run(body: unknown, init: RequestInit = {}): Promise<{ status: number; body: Record<string, unknown> }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${url}/run`, { method: 'POST', body: text, ...init });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Processes on this machine, those in sandboxes too, that were started with this word. */
function processesWith(word: string): number {
  return globSync('/proc/[0-9]*/cmdline').filter((file) => {
    try {
      return readFileSync(file, 'latin1').split('\0').includes(word);
    } catch {
      return false; // it has just ended
    }
  }).length;
}

/** A length of sleep that nobody else has. */
const uniqueSleep = (): string => `${100_000 + process.pid}.${Math.floor(Math.random() * 1e9)}`;

test('the request of the README gets the answer that the README shows', async () => {
  const readme = readFileSync(join(directory, 'README.md'), 'utf8');
  const [, sent = '', shown = ''] = /-d '(.*)'\n# (.*)\n/.exec(readme) ?? [];
  expect(await run(sent)).toEqual({ status: 200, body: JSON.parse(shown) });
});

test('programs of several visitors run side by side, each alone, as nobody in particular', async () => {
  const code = 'echo $$; id -un; ls /proc | grep -c "^[0-9]"; echo bad >&2; exit 3';
  const answers = await Promise.all(Array.from({ length: 4 }, () => run({ language: 'shell', code })));
  for (const { body } of answers) {
    expect(body).toMatchObject({ exitCode: 3, reason: 'exited', stderr: 'bad\n' });
    expect(String(body['stdout'])).toMatch(/^\d{1,2}\nuser\n\d\n$/);
  }
});

test.for([
  ['no JSON', '{', 400, /must be JSON/],
  ['a language that is not there', { language: 'perl', code: '' }, 400, /"language" must be/],
  ['no code', { language: 'shell' }, 400, /"code" must be/],
  ['a program that is too long', { language: 'shell', code: ' '.repeat(70_000) }, 413, /65536 bytes/],
  ['a program that writes without end', { language: 'shell', code: 'yes' }, 422, /more than 1 MiB/],
] as const)('%s is refused with a status of its own', async ([, sent, status, error]) => {
  const answer = await run(sent);
  expect(answer.status).toBe(status);
  expect(answer.body['error']).toMatch(error);
});

// Mutation: `gone.abort()` left out.
test('a visitor who leaves takes his program along', async () => {
  const seconds = uniqueSleep();
  const visit = new AbortController();
  const answer = run({ language: 'shell', code: `sleep ${seconds}` }, { signal: visit.signal });
  const left = expect(answer).rejects.toThrow('aborted');
  await vi.waitUntil(() => processesWith(seconds) > 0, { timeout: 20_000 });
  visit.abort();
  await left;
  await vi.waitUntil(() => processesWith(seconds) === 0, { timeout: 20_000 });
});

// Mutation: `await using` of the runtime left out of main.ts.
test('when the server is told to end, so are the programs that it runs, and it ends well', async () => {
  const seconds = uniqueSleep();
  const answer = run({ language: 'shell', code: `sleep ${seconds}` });
  const cut = expect(answer).rejects.toThrow();
  await vi.waitUntil(() => processesWith(seconds) > 0, { timeout: 20_000 });
  const exited = once(server, 'exit');
  server.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
  await cut;
  expect(processesWith(seconds)).toBe(0);
});
