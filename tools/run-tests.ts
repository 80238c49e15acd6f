// usage: node tools/run-tests.ts [VITEST ARGUMENT...]
//
// Runs every test, then tells from the JSON report what was skipped and why, and ends with the line
// `N passed, N failed, N skipped`. Fails when a test failed, when none ran, and when a skip gives no reason.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LastWords } from './run-tests/last-words.ts';
import { summarise, type TestReport } from './run-tests/summary.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const skipReasons = fileURLToPath(new URL('./run-tests/skip-reasons.ts', import.meta.url));

function runVitest(reportFile: string, extra: readonly string[], lastWords: LastWords): Promise<number> {
  const argv = [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    `--reporter=${skipReasons}`,
    '--reporter=json',
    `--outputFile.json=${reportFile}`,
    ...extra,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, { cwd: root, stdio: ['ignore', 'inherit', 'pipe'] });
    child.stderr.pipe(process.stderr, { end: false });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => lastWords.push(chunk));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
    child.on('error', reject);
    // Once all that it wrote has been read.
    child.on('close', (code) => resolve(code ?? 1));
  });
}

function readReport(file: string): TestReport {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as TestReport;
  } catch {
    // vitest stopped before the end and has said why; nothing counts as run.
    return { testResults: [] };
  }
}

const directory = mkdtempSync(join(tmpdir(), 'hatchery-tests-'));
try {
  const reportFile = join(directory, 'report.json');
  const extra = process.argv.slice(2);
  const lastWords = new LastWords();
  const vitestCode = await runVitest(reportFile, extra, lastWords);
  if (vitestCode !== 0 && lastWords.lines.length > 0)
    console.log(['processes that crashed said:', ...lastWords.lines].join('\n'));
  const summary = summarise(readReport(reportFile), (file) => relative(root, file));
  for (const { title, reason } of summary.skipped) console.log(`skipped: ${title}: ${reason ?? 'NO REASON GIVEN'}`);
  // A name filter (`-t`) skips all other tests; only a full run can ask each skip for its reason.
  const unexplained = extra.length === 0 && summary.skipped.some(({ reason }) => reason === null);
  if (unexplained) console.log('a test was skipped without a reason: skip with context.skip("the reason")');
  if (summary.passed + summary.failed === 0) console.log('no test ran');
  console.log(`${summary.passed} passed, ${summary.failed} failed, ${summary.skipped.length} skipped`);
  const good = vitestCode === 0 && summary.failed === 0 && summary.passed > 0 && !unexplained;
  process.exitCode = good ? 0 : vitestCode || 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
