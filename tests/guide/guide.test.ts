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
