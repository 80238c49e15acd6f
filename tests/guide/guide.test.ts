import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { asProgram, type CodeBlock, codeBlocks } from '../../tools/docs/code-blocks.ts';
import { useServe } from '../e2b/use-serve.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const guide = join(root, 'docs/guide');
const hatchery = `hatchery() { '${process.execPath}' '${join(root, 'apps/runner/dist/main.js')}' "$@"; }\n`;
const serve = useServe();

/** A program of a page, and what the page says that it prints: the block of `text` right behind it, or nothing. */
interface Example {
  readonly title: string;
  readonly block: CodeBlock;
  readonly printed: string;
}

function examplesOf(page: string): Example[] {
  const blocks = codeBlocks(join(guide, page));
  return blocks.flatMap((block, index) => {
    if (block.language !== 'ts' && block.language !== 'sh') return [];
    const next = blocks[index + 1];
    const title = `${page}, line ${block.line}`;
    return { title, block, printed: next?.language === 'text' ? next.text : '' };
  });
}

/** As a user has it: built, and started by `npm start`. */
async function run({ language, text }: CodeBlock): Promise<string> {
  const { directory, environment } = serve();
  const env = {
    PATH: process.env['PATH'],
    ...environment,
    HATCHERY_SOCKET: join(directory, 'hatchery.sock'),
    HATCHERY_DATA_DIRECTORY: join(directory, 'data'),
  };
  const [program, words]: [string, string[]] =
    language === 'ts' ? [process.execPath, asProgram(text, 'build')] : ['sh', ['-e', '-c', hatchery + text]];
  return (await promisify(execFile)(program, words, { cwd: root, env })).stdout;
}

const pages = readdirSync(guide).filter((name) => name.endsWith('.md'));

// Mutation: change a number in a block of `text`, or a word of a program.
describe.each(pages)('docs/guide/%s', (page) => {
  it.each(examplesOf(page))(
    '$title: the program runs and prints what the page says',
    { timeout: 120_000 },
    async (example) => {
      expect(await run(example.block)).toBe(example.printed);
    },
  );
});

describe('README.md', () => {
  const blocks = codeBlocks(join(root, 'README.md'));
  const blockWith = (words: string): CodeBlock => {
    const found = blocks.find(({ text }) => text.includes(words));
    if (found === undefined) throw new Error(`README.md has no program with ${words}`);
    return found;
  };

  it('the program of the library prints 42', { timeout: 120_000 }, async () => {
    expect(await run(blockWith("from '@hatchery/runtime'"))).toBe('0 42\n\n');
  });

  it('the program of the e2b client prints 42, with nothing but the three variables', {
    timeout: 120_000,
  }, async () => {
    expect(await run(blockWith("from 'e2b'"))).toBe('42\n\n');
  });

  it('the commands work one after the other and leave no sandbox', { timeout: 120_000 }, async () => {
    const { text, ...block } = blockWith('hatchery create');
    // A shell is for somebody at a terminal.
    const lines = text.split('\n').filter((line) => !line.includes(' -it '));
    expect(lines.length).toBe(text.split('\n').length - 1);
    const listed = '[ "$(hatchery ps --json)" = "$before" ] && echo as before\n';
    const printed = await run({ ...block, text: `before=$(hatchery ps --json)\n${lines.join('\n')}${listed}` });
    expect(printed).toMatch(/^7\n/);
    expect(printed).toContain('first-sandbox.md\n');
    expect(printed).toMatch(/\nas before\n$/);
  });
});
