import { operations } from './operations/all.ts';
import { type Cell, findRow, type Results, type Row } from './results.ts';
import { judge, type Verdict } from './targets.ts';

/** Three figures that count, whatever the size. */
export function showMs(milliseconds: number): string {
  if (milliseconds >= 100) return milliseconds.toFixed(0);
  if (milliseconds >= 10) return milliseconds.toFixed(1);
  return milliseconds.toFixed(milliseconds >= 1 ? 2 : 3);
}

export function showCell(cell: Cell): string {
  const title = operations.find(({ name }) => name === cell.operation)?.title ?? cell.operation;
  return [title, cell.payload === 'none' ? [] : cell.payload, cell.temperature].flat().join(', ');
}

/** The cells that have rows, in the order they ran. */
export function listCells(results: Results): Cell[] {
  const seen = new Map<string, Cell>();
  for (const row of results.rows) seen.set(`${row.operation} ${row.payload} ${row.temperature}`, row);
  return [...seen.values()];
}

function showTable(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((text, column) => Math.max(most[column] ?? 0, text.length)),
    [],
  );
  return rows.map((row) =>
    row
      .map((text, column) => (column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}

function showRow(results: Results, row: Row): string[] {
  if (row.summary === null) return [row.contestant, '', '', '', '', '', `failed: ${row.error}`];
  const lean = findRow(results, row, 'raw-lean')?.summary?.medianMs;
  const ours = findRow(results, row, 'hatchery')?.summary?.medianMs;
  const { medianMs, p95Ms, minMs } = row.summary;
  return [
    row.contestant,
    showMs(medianMs),
    showMs(p95Ms),
    showMs(minMs),
    lean === undefined ? '' : (medianMs / lean).toFixed(2),
    ours === undefined ? '' : (medianMs / ours).toFixed(2),
    '',
  ];
}

function showVerdict(verdict: Verdict): string[] {
  return [showCell(verdict), verdict.target, verdict.ratio?.toFixed(2) ?? '–', verdict.verdict];
}

/** The whole run for a terminal. */
export function report(results: Results): string {
  const heading = ['ms', 'median', 'p95', 'min', '× raw-lean', '× hatchery', ''];
  const { machine } = results;
  const lines = [
    `${results.date}  ${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}, ${results.rounds} rounds`,
  ];
  for (const cell of listCells(results)) {
    const rows = results.rows.filter((row) => findRow({ ...results, rows: [row] }, cell, row.contestant) !== undefined);
    lines.push('', showCell(cell), ...showTable([heading, ...rows.map((row) => showRow(results, row))]));
  }
  const verdicts = judge(results).map(showVerdict);
  if (verdicts.length > 0)
    lines.push('', ...showTable([['hatchery against its targets', 'target', 'is', ''], ...verdicts]));
  lines.push('', 'What each leaves out:');
  for (const { name, leavesOut, absent } of results.entrants) lines.push(`  ${name}: ${absent ?? leavesOut}`);
  return lines.join('\n');
}
