import { doctor as examine, Runtime } from '@hatchery/runtime';
import { write } from '../write.ts';
import { formatFindings } from './format-findings.ts';

/** Prints what this host lets hatchery do. Returns 1 when something needed is missing. */
export async function doctor(flags: { json?: boolean }): Promise<number> {
  const findings = await examine({ runtime: () => Runtime.open() });
  const colour = process.stdout.isTTY && process.stdout.hasColors();
  await write(
    process.stdout,
    flags.json === true ? `${JSON.stringify(findings, null, 2)}\n` : formatFindings(findings, colour),
  );
  return findings.some(({ ok, needed }) => needed && !ok) ? 1 : 0;
}
