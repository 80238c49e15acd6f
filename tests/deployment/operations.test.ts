import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createProgram } from '../../apps/runner/src/program.ts';
import { settingNames, variableOf } from '../../apps/runner/src/serve/settings/serve-settings.ts';
import { checkCatalog } from '../../packages/runtime/src/doctor/check-catalog.ts';
import { fromBuild, ServeProcess } from '../e2b/serve-process.ts';
import { repository } from './deploy-file.ts';

const page = readFileSync(`${repository}docs/operations.md`, 'utf8');
const pageOf = (name: string): string => readFileSync(`${repository}docs/${name}.md`, 'utf8');
const all = (pattern: RegExp, text = page): string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, found = '']) => found)),
];

type Command = ReturnType<typeof createProgram>;

/** Lines of code blocks without their remarks, and spans of code. */
const code = [
  ...[...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
    block.split('\n').map((line) => line.replace(/ +#.*/, '')),
  ),
  ...all(/`([^`\n]+)`/g, page.replace(/^```sh\n[\s\S]*?^```/gm, '')),
];

/** The command that words begin with, and its options. */
function find(words: readonly string[]): { readonly command: Command; readonly rest: readonly string[] } | null {
  let command: Command = createProgram(() => {});
  const rest = [...words];
  for (;;) {
    const next = command.commands.find((one) => one.name() === rest[0]);
    if (next === undefined) return command.parent === null || command.commands.length > 0 ? null : { command, rest };
    command = next;
    rest.shift();
  }
}

describe('docs/operations.md', () => {
  // Mutation: in the page `hatchery image registr`, `hatchery rm --every`, `--drain-time`, `HATCHERY_PORTS`.
  test('names commands, options and variables that there are', () => {
    const lines = code
      .map((line) => /(?:^|bin\/)hatchery ([a-z].*)/.exec(line)?.[1]?.split(/\s+/))
      .filter((words) => words !== undefined);
    expect(lines.length).toBeGreaterThan(10);
    for (const words of lines) {
      const found = find(words);
      expect(found, words.join(' ')).not.toBeNull();
      const flags = found?.command.options.map(({ long }) => long);
      for (const word of found?.rest ?? []) if (word.startsWith('--')) expect(flags, words.join(' ')).toContain(word);
    }
    const program = createProgram(() => {});
    const flags = new Set(program.commands.flatMap(({ options }) => options.map(({ long }) => long)));
    // Of other programs: podman's.
    for (const option of all(/`(--[a-z-]+)[ =`]/g)) if (option !== '--cgroupns') expect([...flags]).toContain(option);
    const variables = [...settingNames.map((name) => variableOf(name)), 'HATCHERY_'];
    for (const variable of all(/\b(HATCHERY_[A-Z_]*)/g)) expect(variables).toContain(variable);
  });

  // Mutation: in the page a code, a metric or a check of doctor by another name.
  test('names error codes, metrics and checks of doctor that there are', () => {
    const codes = all(/^\| `(ERR_\w+)` \|/gm, pageOf('errors'));
    for (const name of all(/`(ERR_[A-Z_]+)/g)) expect(codes).toContain(name);
    const metrics = all(/^\| `(\w+)` \|/gm, pageOf('metrics'));
    for (const name of all(/`(hatchery_\w+|process_\w+)/g)) expect(metrics).toContain(name);
    const checks = all(/doctor’s ((?:`[a-z-]+`(?:, )?)+)/g, page.replaceAll("'", '’')).flatMap((names) =>
      all(/`([a-z-]+)`/g, names),
    );
    expect(checks.length).toBeGreaterThan(5);
    for (const name of checks) expect([...checkCatalog.keys(), 'inotify-instances']).toContain(name);
  });

  // Mutation: `--sparse` left out (the archive is as large as the root); a file of the sandbox's directory excluded.
  test('its backup, made while the server runs and restored on another machine, has the files of a stopped sandbox', {
    timeout: 120_000,
  }, async () => {
    const directory = mkdtempSync('/dev/shm/hatchery-test-');
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const [make = '', restore = ''] = [
      code.find((line) => line.startsWith('tar --create')),
      code.find((line) => line.startsWith('tar --extract')),
    ];
    const told = (line: string, data: string): string =>
      line.replaceAll('/var/lib/hatchery', data).replaceAll('/backup', directory);
    const serve = async <T>(
      at: string,
      act: (hatchery: (...words: string[]) => Promise<string>) => Promise<T>,
    ): Promise<T> => {
      mkdirSync(at, { recursive: true });
      const server = await ServeProcess.start({
        program: fromBuild,
        given: { directory: at, key: 'none' },
        args: ['--on-exit', 'destroy'],
      });
      const env = { ...process.env, HATCHERY_SOCKET: join(at, 'hatchery.sock') };
      try {
        return await act(
          async (...words) => (await promisify(execFile)(process.execPath, [...fromBuild, ...words], { env })).stdout,
        );
      } finally {
        await server.stop();
      }
    };
    const sh = promisify(execFile);
    await serve(join(directory, 'one'), async (hatchery) => {
      await hatchery('create', '--id', 'box', '--root', 'disk');
      await hatchery('exec', 'box', 'sh', '-c', 'echo saved > /srv/file');
      await hatchery('stop', 'box');
      await sh('sh', ['-c', told(make, join(directory, 'one/data'))]);
      await hatchery('start', 'box');
      expect(await hatchery('exec', 'box', 'cat', '/srv/file')).toBe('saved\n');
    });
    mkdirSync(join(directory, 'two/data'), { recursive: true });
    await sh('sh', ['-c', told(restore, join(directory, 'two/data'))]);
    await serve(join(directory, 'two'), async (hatchery) => {
      expect(await hatchery('ps')).toMatch(/^box +stopped/m);
      await hatchery('start', 'box');
      expect(await hatchery('exec', 'box', 'cat', '/srv/file')).toBe('saved\n');
    });
  });
});
