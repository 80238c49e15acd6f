import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { listCells, showCell, showMs } from './report.ts';
import { findRow, type Results } from './results.ts';
import { judge } from './targets.ts';

const start = '<!-- bench:start -->';
const end = '<!-- bench:end -->';
const readme = path.join(import.meta.dirname, '../README.md');

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function figuresTable(results: Results): string[] {
  const present = results.entrants.filter(({ absent }) => absent === null).map(({ name }) => name);
  const rows = listCells(results).map((cell) => [
    showCell(cell),
    ...present.map((name) => {
      const row = findRow(results, cell, name);
      if (row === undefined) return '–';
      return row.summary === null ? 'failed' : `${showMs(row.summary.medianMs)} (${showMs(row.summary.p95Ms)})`;
    }),
  ]);
  return [line(['ms, median (p95)', ...present]), line(['---', ...present.map(() => '---:')]), ...rows.map(line)];
}

function targetsTable(results: Results): string[] {
  const rows = judge(results).map((verdict) => [
    showCell(verdict),
    verdict.target,
    verdict.ratio?.toFixed(2) ?? '–',
    verdict.verdict === 'pass' ? 'pass' : `**${verdict.verdict}**`,
  ]);
  return [line(['operation', 'target', 'measured', '']), line(['---', '---', '---:', '---']), ...rows.map(line)];
}

function block(results: Results): string {
  const { machine } = results;
  return [
    start,
    `${results.date.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, ${machine.cgroups} cgroups, Node ${machine.node}; \`${results.command}\`, ${results.rounds} rounds, interleaved.`,
    '',
    ...figuresTable(results),
    '',
    ...targetsTable(results),
    '',
    'What each leaves out:',
    '',
    ...results.entrants.map(({ name, leavesOut, absent }) => `- \`${name}\`: ${absent ?? leavesOut}`),
    end,
  ].join('\n');
}

/** Replaces what stands between the two markers of README.md. */
export async function rewriteReadme(results: Results): Promise<void> {
  const text = await readFile(readme, 'utf8');
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from)
    throw new Error(`${readme} has no place for the figures: add the lines ${start} and ${end}`);
  await writeFile(readme, text.slice(0, from) + block(results) + text.slice(to + end.length));
}
