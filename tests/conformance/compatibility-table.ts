import type { Outcome, Row, TriedVersion } from './row.ts';

/** The part of the page that tells of one client. */
export interface Part<Trial> {
  /** The heading, and what stands before the tables. */
  readonly intro: string;
  readonly rows: readonly Row<Trial>[];
  readonly versions: readonly Pick<TriedVersion<Trial>, 'version' | 'outcomes'>[];
  /** Classes that come first, as a reader comes to them. */
  readonly first: readonly string[];
}

export function compatibilityTable<Trial>({ intro, rows, versions, first }: Part<Trial>): string {
  const classOf = ({ method }: Row<Trial>): string => method.replace(/[#.].*$/, '').replace(/\(\)$/, '');
  const groups = Map.groupBy(rows, (row) => (row.method.endsWith('()') ? 'Functions' : classOf(row)));
  const columns = versions.map(({ version }) => version);
  const sections = [...groups].toSorted(inOrder(first)).map(([name, members]) => {
    const lines = members.map((row) => {
      const outcomes: Outcome[] = versions.map(({ outcomes: of }) => of.get(row) ?? 'fails');
      return `| \`${row.method}\` | ${row.claim} | ${outcomes.join(' | ')} |`;
    });
    const heading = `| method | what its user does | ${columns.join(' | ')} |\n|---|---|${columns.map(() => '---|').join('')}`;
    return `### ${name}\n\n${heading}\n${lines.toSorted().join('\n')}\n`;
  });
  return [intro, ...sections].join('\n');
}

function inOrder(first: readonly string[]): (one: [string, unknown], other: [string, unknown]) => number {
  const rank = (name: string): string => (first.includes(name) ? ` ${first.indexOf(name)}` : name);
  return ([one], [other]) => (rank(one) < rank(other) ? -1 : 1);
}
