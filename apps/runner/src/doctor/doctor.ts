import { doctor as examine, Runtime } from '@hatchery/runtime';
import { dataDirectoryOf } from '../server-directories.ts';
import { checkBase } from '../templates/check-base.ts';
import { write } from '../write.ts';
import { checkWatches } from './check-watches.ts';
import { formatFindings } from './format-findings.ts';

/** Prints what this host lets hatchery do. Returns 1 when something needed is missing. */
export async function doctor(flags: { json?: boolean; dataDirectory?: string }): Promise<number> {
  const dataDirectory = dataDirectoryOf(flags);
  const ofHost = await examine({ dataDirectory, runtime: () => Runtime.open({ dataDirectory }) });
  const findings = [...ofHost, await checkBase(dataDirectory), checkWatches()];
  const colour = process.stdout.isTTY && process.stdout.hasColors();
  await write(
    process.stdout,
    flags.json === true ? `${JSON.stringify(findings, null, 2)}\n` : formatFindings(findings, colour),
  );
  return findings.some(({ ok, needed }) => needed && !ok) ? 1 : 0;
}
