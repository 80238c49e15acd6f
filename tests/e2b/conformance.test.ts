import type { Sandbox } from 'e2b';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, clientPackages, clientVersion, importClient } from './client.ts';
import { clientMethods } from './client-methods.ts';
import { compatibilityTable, type Outcome } from './compatibility-table.ts';
import type { Row } from './row.ts';
import { allRows } from './rows/all-rows.ts';
import { useServe } from './use-serve.ts';

const serve = useServe();
const tables = clientPackages.map((name) => ({
  name,
  version: `e2b ${clientVersion(name)}`,
  outcomes: new Map<Row, Outcome>(),
}));

/** How the server refuses by name: the one text that its user sees, in whichever class of error. */
const refusal = /\b501: .* is not supported by hatchery/;

it.each(tables)('each public method of $version has a row', ({ name }) => {
  const methods = clientMethods(name);
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
    outcomes.set(row, 'fails');
    try {
      const run = async (): Promise<void> => await row.run({ client, url: serve().url, sandbox: shared(), fresh });
      if (row.refusal === undefined) await run();
      else await expect(run()).rejects.toThrow(refusal);
      outcomes.set(row, row.refusal === undefined ? 'works' : `refused: ${row.refusal}`);
    } finally {
      for (const made of own) await made.kill();
    }
  });
});

it('no call fails', () => {
  const failing = tables.flatMap(({ version, outcomes }) =>
    allRows
      .filter((row) => outcomes.get(row) === 'fails')
      .map(({ method, claim }) => `${version}: ${method}: ${claim}`),
  );
  expect(failing).toEqual([]);
});

it('docs/compatibility.md is what these calls did', async () => {
  await expect(compatibilityTable(allRows, tables)).toMatchFileSnapshot('../../docs/compatibility.md');
});
