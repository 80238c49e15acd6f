import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { listCells, showCell, showMs } from './report.ts';
import { type Cell, findRow, type Results } from './results.ts';
import { judge } from './targets.ts';

const start = '<!-- bench:start -->';
const end = '<!-- bench:end -->';

/** What the front page shows: what people wait for, and the peers that they know. */
const shown: readonly Cell[] = [
  { operation: 'pool-first-byte', payload: 'byte', temperature: 'cold' },
  { operation: 'create-to-exit', payload: 'busybox', temperature: 'cold' },
  { operation: 'exec', payload: 'busybox', temperature: 'cold' },
  { operation: 'destroy', payload: 'none', temperature: 'hot' },
  { operation: 'burst', payload: 'busybox', temperature: 'hot' },
];
const peers = ['hatchery', 'raw-lean', 'bwrap', 'crun', 'runc'] as const;

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

function source({ date, machine, command, rounds }: Results): string {
  return `${date.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, ${machine.cgroups} cgroups, Node ${machine.node}; \`${command}\`, ${rounds} rounds, interleaved.`;
}

function whole(results: Results): string[] {
  return [
    source(results),
    '',
    ...figuresTable(results),
    '',
    ...targetsTable(results),
    '',
    'What each leaves out:',
    '',
    ...results.entrants.map(({ name, leavesOut, absent }) => `- \`${name}\`: ${absent ?? leavesOut}`),
  ];
}

function summary(results: Results): string[] {
  const figure = (cell: Cell, name: string): string => {
    const median = findRow(results, cell, name)?.summary?.medianMs;
    return median === undefined ? '–' : showMs(median);
  };
  const measured = shown.filter((cell) => findRow(results, cell, 'hatchery') !== undefined);
  const rows = measured.map((cell) => [showCell(cell), ...peers.map((name) => figure(cell, name))]);
  const verdicts = judge(results);
  const missed = verdicts.filter(({ verdict }) => verdict !== 'pass').length;
  return [
    line(['ms, median', ...peers]),
    line(['---', ...peers.map(() => '---:')]),
    ...rows.map(line),
    '',
    `${source(results)} \`raw-lean\` is the kernel's work alone, in C; the peers isolate less. ${missed} of ${verdicts.length} targets are missed.`,
  ];
}

/** Puts the figures between the two markers of README.md, and all of them between those of docs/speed.md. */
export async function rewritePages(results: Results): Promise<void> {
  await rewrite('../README.md', summary(results));
  await rewrite('../docs/speed.md', whole(results));
}

async function rewrite(name: string, lines: readonly string[]): Promise<void> {
  const page = path.join(import.meta.dirname, name);
  const text = await readFile(page, 'utf8');
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${page} has no place for the figures: add the lines ${start} and ${end}`);
  await writeFile(page, [text.slice(0, from) + start, ...lines, end + text.slice(to + end.length)].join('\n'));
}
