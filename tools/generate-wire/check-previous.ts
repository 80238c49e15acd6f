import { isDeepStrictEqual } from 'node:util';
import { oldestInitVersion, wireVersion } from '../../packages/zygote-ipc/src/wire/messages.ts';
import { type Fixture, fixture, fixturePath } from './fixture.ts';
import { table } from './table.ts';

/**
 * What this table says of an earlier version is what the table of that version said, for every message that an init
 * sends or takes: inits of that version are still out there. What differs, one line each.
 */
export function previousDifferences(read: (path: string) => string | null): string[] {
  const differences: string[] = [];
  for (let version = oldestInitVersion; version < wireVersion; version++) {
    const text = read(fixturePath(version));
    if (text === null) {
      differences.push(
        `packages/zygote-ipc/${fixturePath(version)} is missing, and inits of version ${version} are not`,
      );
      continue;
    }
    // Written by this program.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const kept = JSON.parse(text) as Fixture;
    const mine = fixture(version);
    for (const name of initMessages(kept, mine)) {
      if (!isDeepStrictEqual(kept.messages[name], mine.messages[name]))
        differences.push(`message ${name} differs from version ${version}, which inits still speak: use \`since\``);
    }
    if (kept.maxMessageBytes !== mine.maxMessageBytes || kept.maxListedTextBytes !== mine.maxListedTextBytes)
      differences.push(`the limits differ from version ${version}, which inits still speak`);
  }
  return differences;
}

function initMessages(kept: Fixture, mine: Fixture): Set<string> {
  const withInit = table.filter(([, { from, to }]) => from.includes('init') || to.includes('init'));
  const names = new Set(withInit.map(([name]) => name).filter((name) => name in mine.messages));
  for (const [name, layout] of Object.entries(kept.messages))
    if (JSON.stringify(layout).includes('"init"')) names.add(name);
  return names;
}
