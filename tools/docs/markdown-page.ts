import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import GithubSlugger from 'github-slugger';
import MarkdownIt, { type Token } from 'markdown-it';

/** Something in a page, and the line that it is on or in the paragraph of. */
export interface Mention {
  readonly text: string;
  readonly line: number;
}

/** One markdown file, as far as it refers to others. */
export interface MarkdownPage {
  /** Relative to the root of the repository. */
  readonly path: string;
  /** Targets of links and images. */
  readonly links: readonly Mention[];
  /** Words in backticks. */
  readonly codeWords: readonly Mention[];
  /** What can stand behind `#` in a link to it: its headings, by GitHub's rules, and the ids in its HTML. */
  readonly anchors: ReadonlySet<string>;
  /** `[text][label]` whose label is defined nowhere: it shows as it is written. */
  readonly undefinedLabels: readonly Mention[];
}

const markdown = new MarkdownIt({ html: true });

export function readMarkdownPage(root: string, path: string): MarkdownPage {
  const links: Mention[] = [];
  const codeWords: Mention[] = [];
  const undefinedLabels: Mention[] = [];
  const anchors = new Set<string>();
  const slugger = new GithubSlugger();
  let line = 1;
  const look = (token: Token): void => {
    line = token.map === null ? line : token.map[0] + 1;
    const target = token.attrGet('href') ?? token.attrGet('src');
    if (target !== null) links.push({ text: target, line });
    if (token.type === 'code_inline') codeWords.push({ text: token.content, line });
    if (token.type === 'text' && LABELLED.test(token.content)) undefinedLabels.push({ text: token.content, line });
    if (token.type === 'html_block' || token.type === 'html_inline') {
      for (const [, id = ''] of token.content.matchAll(HTML_ID)) anchors.add(id);
      for (const [, url = ''] of token.content.matchAll(HTML_TARGET)) links.push({ text: url, line });
    }
    token.children?.forEach(look);
  };
  const tokens = markdown.parse(readFileSync(join(root, path), 'utf8'), {});
  for (const [index, token] of tokens.entries()) {
    look(token);
    if (tokens[index - 1]?.type === 'heading_open') anchors.add(slugger.slug(shownText(token)));
  }
  return { path, links, codeWords, anchors, undefinedLabels };
}

const LABELLED = /\[[^\]]+\]\[[^\]]*\]/;
const HTML_ID = /\b(?:id|name)="([^"]+)"/g;
const HTML_TARGET = /\b(?:href|src)="([^"]+)"/g;

function shownText(token: Token): string {
  const parts = (token.children ?? []).filter(({ type }) => type === 'text' || type === 'code_inline');
  return parts.map(({ content }) => content).join('');
}
