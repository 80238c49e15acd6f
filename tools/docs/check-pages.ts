import { posix } from 'node:path';
import type { MarkdownPage, Mention } from './markdown-page.ts';

/** A file whose name in a page must be right: code, and whatever is named with a directory of the repository's top. */
const CODE_FILE = /^[\w@*-][\w@.*-]*(?:\/[\w@.*{},-]+)*\.(?:ts|mts|mjs|c|h|sh)$/;
const TOP_LEVEL = /^(?:apps|packages|tools|tests|bench|docs|examples|deploy|\.ci|\.changeset)\/[\w@.*{},/-]*$/;
/** What a build makes is not in the repository. */
const MADE = /(?:^|\/)(?:build|dist)\//;
/** Everything a page can link to that is not here. Nobody asks whether it is there; whether it could be is seen. */
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

/**
 * What the pages say of other pages and files that is not so, one sentence each.
 *
 * @param files all files of the repository, relative to its root
 */
export function checkPages(pages: readonly MarkdownPage[], files: readonly string[]): string[] {
  const places = new Places(pages, files);
  return pages.flatMap((page) => {
    const lonely = NEEDS_A_LINK.test(page.path) && !places.isLinked(page.path);
    const tell = ({ text, line }: Mention, what: string): string => `${page.path}:${line}: ${text}: ${what}`;
    return [
      ...(lonely ? [`${page.path}:1: no page links to it: put it into docs/README.md`] : []),
      ...page.links.flatMap((link) => places.faultOfLink(page, link.text).map((fault) => tell(link, fault))),
      ...page.undefinedLabels.map((label) => tell(label, 'no such label is defined in this page')),
      ...page.codeWords.flatMap((word) => places.faultOfName(page, word.text).map((fault) => tell(word, fault))),
    ];
  });
}

/** A page of the documentation that nobody finds might as well not be there. Decisions are found in their directory. */
const NEEDS_A_LINK = /^docs\/(?!decisions\/|README\.md$).*\.md$/;

function targetOf(page: MarkdownPage, path: string): string {
  return path === '' ? page.path : posix.normalize(posix.join(posix.dirname(page.path), path));
}

/** Files, directories and anchors that there are. */
class Places {
  readonly #pages: ReadonlyMap<string, MarkdownPage>;
  readonly #files: ReadonlySet<string>;
  readonly #directories: ReadonlySet<string>;
  readonly #linked: ReadonlySet<string>;

  constructor(pages: readonly MarkdownPage[], files: readonly string[]) {
    this.#pages = new Map(pages.map((page) => [page.path, page]));
    this.#files = new Set(files);
    this.#directories = new Set(files.flatMap((file) => [...parentsOf(file)]));
    this.#linked = new Set(
      pages.flatMap((page) =>
        page.links.map(({ text }) => targetOf(page, text.split('#')[0] ?? '')).filter((target) => target !== page.path),
      ),
    );
  }

  isLinked(path: string): boolean {
    return this.#linked.has(path);
  }

  faultOfLink(page: MarkdownPage, link: string): string[] {
    if (SCHEME.test(link)) return faultOfUrl(link);
    const [path = '', anchor] = link.split('#', 2).map(decodeURIComponent);
    const target = targetOf(page, path);
    if (target.startsWith('..') || path.startsWith('/')) return ['leads out of the repository'];
    const isThere = this.#files.has(target) || this.#directories.has(target.replace(/\/$/, ''));
    if (!isThere) return ['there is no such file'];
    if (anchor === undefined) return [];
    const linked = this.#pages.get(target);
    if (linked === undefined) return ['an anchor in something that is no markdown page'];
    return linked.anchors.has(anchor) ? [] : [`${target} has no heading for #${anchor}`];
  }

  /** A page may leave out directories that it has spoken of, so any file that ends like this will do. */
  faultOfName(page: MarkdownPage, name: string): string[] {
    if ((!CODE_FILE.test(name) && !TOP_LEVEL.test(name)) || MADE.test(name)) return [];
    const beside = posix.normalize(posix.join(posix.dirname(page.path), name));
    const wanted = pattern(name.replace(/\/$/, ''));
    if (this.#files.has(beside) || this.#directories.has(beside.replace(/\/$/, ''))) return [];
    for (const place of [...this.#files, ...this.#directories]) if (wanted.test(place)) return [];
    return ['there is no such file in the repository'];
  }
}

function* parentsOf(file: string): Generator<string> {
  for (let at = posix.dirname(file); at !== '.'; at = posix.dirname(at)) yield at;
  yield '.';
}

function faultOfUrl(url: string): string[] {
  if (!URL.canParse(url)) return ['is no URL'];
  const { protocol, hostname } = new URL(url);
  if (protocol === 'mailto:' || protocol === 'https:') return [];
  const isLocal = hostname === 'localhost' || hostname === '127.0.0.1';
  return protocol === 'http:' && isLocal ? [] : ['a link outside is https: or mailto:'];
}

/** `*` is any part of a name, `{a,b}` one of them. */
function pattern(name: string): RegExp {
  const source = name
    .replaceAll('.', String.raw`\.`)
    .replaceAll('*', '[^/]*')
    .replaceAll(/\{(.*?)\}/g, (_whole, choices: string) => `(?:${choices.replaceAll(',', '|')})`);
  return new RegExp(`(?:^|/)${source}$`);
}
