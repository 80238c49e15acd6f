import { readFileSync } from 'node:fs';
import MarkdownIt from 'markdown-it';

/** A fenced block of a markdown page. */
export interface CodeBlock {
  /** The word behind the fence, such as `ts`; empty where there is none. */
  readonly language: string;
  readonly text: string;
  /** Where it begins in the page. */
  readonly line: number;
}

/** The blocks of a page in order, or those of one language. Throws where there is none: its test would test nothing. */
export function codeBlocks(page: URL | string, language?: string): [CodeBlock, ...CodeBlock[]] {
  const [first, ...others] = new MarkdownIt()
    .parse(readFileSync(page, 'utf8'), {})
    .filter(({ type }) => type === 'fence')
    .map(({ info, content, map }) => ({ language: info.trim(), text: content, line: (map?.[0] ?? 0) + 1 }))
    .filter((block) => language === undefined || block.language === language);
  if (first === undefined) throw new Error(`${String(page)} has no block of ${language ?? 'code'}`);
  return [first, ...others];
}

/**
 * What Node is given to run a block of TypeScript as a program, with this repository's packages as they stand in their sources, or as
 * they were built, which starts in half the time.
 */
export function asProgram(text: string, from: 'sources' | 'build' = 'sources'): string[] {
  const conditions = from === 'sources' ? ['--conditions=@hatchery/source'] : [];
  return [...conditions, '--input-type=module-typescript', '--eval', text];
}
