import { styleText } from 'node:util';

/** What a finding of the runtime's doctor has. */
export interface Finding {
  name: string;
  ok: boolean;
  detail: string;
  needed: boolean;
  cost: string | null;
  remedy: string | null;
}

/** The report as a table; a finding that is not fine is followed by what that costs and how to fix it. */
export function formatFindings(findings: readonly Finding[], colour: boolean): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap((finding) => formatFinding(finding, width, colour));
  return `${[...lines, '', formatVerdict(findings)].join('\n')}\n`;
}

function formatFinding(finding: Finding, width: number, colour: boolean): string[] {
  const indent = ' '.repeat(width + 7);
  const lines = [`${formatMark(finding, colour)}  ${finding.name.padEnd(width)}  ${finding.detail}`];
  if (finding.cost !== null) lines.push(`${indent}costs: ${finding.cost}`);
  if (finding.remedy !== null) lines.push(`${indent}fix: ${finding.remedy}`);
  return lines;
}

function formatMark({ ok, needed }: Finding, colour: boolean): string {
  const [mark, style] = ok
    ? (['ok  ', 'green'] as const)
    : needed
      ? (['FAIL', 'red'] as const)
      : (['no  ', 'yellow'] as const);
  // The caller has looked at the terminal and at NO_COLOR.
  return colour ? styleText(style, mark, { validateStream: false }) : mark;
}

function formatVerdict(findings: readonly Finding[]): string {
  const failed = findings.filter(({ ok, needed }) => !ok && needed).map(({ name }) => name);
  return failed.length === 0 ? 'This host can run sandboxes.' : `Needed and missing: ${failed.join(', ')}.`;
}
