import { join } from 'node:path';
import type { Sandbox } from 'e2b';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientMethods } from '../conformance/client-methods.ts';
import { compatibilityPage, pageWith } from '../conformance/compatibility-page.ts';
import { compatibilityTable } from '../conformance/compatibility-table.ts';
import type { TriedVersion } from '../conformance/row.ts';
import { failing, tryRow } from '../conformance/try-row.ts';
import { type Client, clientPackages, clientVersion, importClient, packageDirectory } from './client.ts';
import type { Row, Trial } from './row.ts';
import { allRows } from './rows/all-rows.ts';
import { useServe } from './use-serve.ts';

const serve = useServe();
const tables = clientPackages.map((name) => ({
  name,
  version: `e2b ${clientVersion(name)}`,
  outcomes: new Map() satisfies TriedVersion<Trial>['outcomes'],
}));
const intro = `## The npm client \`e2b\`

Written by \`tests/e2b/conformance.test.ts\`. What is refused the server answers with 501.
`;

/** How the server refuses by name: the one text that its user sees, in whichever class of error. */
const refusal = /\b501: .* is not supported by hatchery/;

it.each(tables)('each public method of $version has a row', ({ name }) => {
  const methods = clientMethods([join(packageDirectory(name), 'dist/index.d.mts')]);
  const covered = new Set(allRows.map(({ method }) => method));
  expect(methods.filter((method) => !covered.has(method))).toEqual([]);
  // What enumerates them has not lost sight of the package.
  expect(methods).toEqual(
    expect.arrayContaining(['Sandbox.create', 'Commands#run', 'Filesystem#write', 'waitForPort()']),
  );
});

describe.each(tables)('$version', ({ name, outcomes }) => {
  let client: Client;
  let sandbox: Sandbox | undefined;
  beforeAll(async () => {
    client = await importClient(name);
    sandbox = await client.Sandbox.create({ timeoutMs: 3_600_000 });
  });
  afterAll(async () => {
    await sandbox?.kill();
  });

  it.each(allRows)('$method: $claim', { timeout: 60_000 }, async (row) => {
    const own: Sandbox[] = [];
    const fresh: Parameters<Row['run']>[0]['fresh'] = async (options) => {
      const made = await client.Sandbox.create({ timeoutMs: 600_000, ...options });
      own.push(made);
      return made;
    };
    const shared = (): Sandbox => {
      if (sandbox === undefined) throw new Error('the shared sandbox could not be made');
      return sandbox;
    };
    try {
      await tryRow(row, () => ({ client, url: serve().url, sandbox: shared(), fresh }), { outcomes, refused: refusal });
    } finally {
      for (const made of own) await made.kill();
    }
  });
});

it('no call fails', () => {
  expect(failing(allRows, tables)).toEqual([]);
});

it('docs/compatibility.md is what these calls did', async () => {
  const table = compatibilityTable({ intro, rows: allRows, versions: tables, first: ['Sandbox'] });
  await expect(pageWith('e2b', table)).toMatchFileSnapshot(compatibilityPage);
});
