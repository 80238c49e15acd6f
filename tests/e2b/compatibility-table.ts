import type { Row } from './row.ts';

/** What came of a row with one version: nothing else can stand in the table. */
export type Outcome = 'works' | `refused: ${string}` | 'fails';

const head = `# Compatibility

What of the \`e2b\` npm client works against \`hatchery serve\`, by version of the client. **The tests write this page**
(\`tests/e2b/conformance.test.ts\`, from what each call really did; \`npx vitest run --project kernel tests/e2b/conformance.test.ts --update\`
writes it anew) and fail when it says something else than they saw. Each public method of the client has at least one row: the names come from the types
that the package ships, and one without a row fails the test.

- **works**: what the row claims was seen, on real sandboxes.
- **refused**: the server answers 501 with a message that names what is not there yet. It invents nothing.
- **fails**: neither. None may.
`;

/** The page as a whole. */
export function compatibilityTable(
  rows: readonly Row[],
  versions: readonly { readonly version: string; readonly outcomes: ReadonlyMap<Row, Outcome> }[],
): string {
  const classOf = ({ method }: Row): string => method.replace(/[#.].*$/, '').replace(/\(\)$/, '');
  const groups = Map.groupBy(rows, (row) => (row.method.endsWith('()') ? 'Functions' : classOf(row)));
  const columns = versions.map(({ version }) => version);
  const sections = [...groups].toSorted(byName).map(([name, members]) => {
    const lines = members.map((row) => {
      const outcomes = versions.map(({ outcomes: of }) => of.get(row) ?? 'fails');
      return `| \`${row.method}\` | ${row.claim} | ${outcomes.join(' | ')} |`;
    });
    const heading = `| method | what its user does | ${columns.join(' | ')} |\n|---|---|${columns.map(() => '---|').join('')}`;
    return `## ${name}\n\n${heading}\n${lines.toSorted().join('\n')}\n`;
  });
  return [head, ...sections].join('\n');
}

/** Sandbox first, as a reader comes to it. */
function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  const rank = (name: string): string => (name === 'Sandbox' ? ' ' : name);
  return rank(one) < rank(other) ? -1 : 1;
}
