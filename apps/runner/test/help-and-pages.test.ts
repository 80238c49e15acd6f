import { readdirSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { codeBlocks } from '../../../tools/docs/code-blocks.ts';
import { createProgram } from '../src/program.ts';

const root = new URL('../../../', import.meta.url);
const guide = readdirSync(new URL('docs/guide/', root)).map((name) => `docs/guide/${name}`);

function textOf(paths: readonly string[]): string {
  return paths.map((path) => readFileSync(new URL(path, root), 'utf8')).join('\n');
}

/** With those below `keys` and `image`, by their words. */
function commandsOf(command: Command, words = ''): [words: string, command: Command][] {
  return command.commands.flatMap((one) => {
    const name = `${words} ${one.name()}`.trim();
    return one.commands.length === 0 ? [[name, one]] : commandsOf(one, name);
  });
}

const commands = commandsOf(createProgram(() => {}));
const flags = commands.flatMap(([, { options }]) => options.map(({ long, short }) => ({ long: long ?? '', short })));
/** With what commander itself adds. */
const options = new Set(['--help', ...flags.map(({ long }) => long)]);

// Mutation: rename a command or an option, or take its row out of the page.
it('every command and every option of theirs is told of in the pages of the runner', () => {
  const told = textOf(['apps/runner/README.md', 'docs/serve.md', 'docs/e2b.md']);
  expect(
    commands.map(([words]) => words).filter((words) => !new RegExp(`\`(?:hatchery )?${words}\\b`).test(told)),
  ).toEqual([]);
  const isTold = (option: string | undefined): boolean =>
    option !== undefined && new RegExp(`[ \`[]${option}(?![\\w-])`).test(told);
  expect(flags.filter(({ long, short }) => !isTold(long) && !isTold(short))).toEqual([]);
});

// Mutation: write `hatchery start-all` or `--memoryy` into a page.
it('a command line in a page has a command and options that there are', () => {
  const pages = ['README.md', 'apps/runner/README.md', 'docs/serve.md', ...guide];
  const names = new Set(commands.flatMap(([words]) => [words.split(' ')[0], words]));
  expect(commandLinesOf('apps/runner/README.md').length).toBeGreaterThan(10);
  for (const page of pages) {
    for (const line of commandLinesOf(page)) {
      const [first = '', second = ''] = line.split(' ');
      expect([page, line, names.has(first) || names.has(`${first} ${second}`)]).toEqual([page, line, true]);
      const used = line.match(/(?<= )--[a-z][a-z-]+/g) ?? [];
      expect([page, line, used.filter((option) => !options.has(option))]).toEqual([page, line, []]);
    }
  }
});

/** What stands behind `hatchery` in shell blocks and in backticks, up to where the shell would end the command. */
function commandLinesOf(page: string): string[] {
  const shell = codeBlocks(new URL(page, root)).filter(({ language }) => ['sh', ''].includes(language));
  const inline = [...textOf([page]).matchAll(/`hatchery ([^`\n]+)`/g)].map(([, words = '']) => `hatchery ${words}`);
  return [...shell.map(({ text }) => text), ...inline].flatMap((text) =>
    [...text.matchAll(/(?<![\w-])hatchery ([a-z][^\n;|&)#]*)/g)].map(([, words = '']) => words.trim()),
  );
}
