import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as client from '@boxlite-ai/boxlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientMethods } from '../conformance/client-methods.ts';
import { compatibilityPage, pageWith } from '../conformance/compatibility-page.ts';
import { compatibilityTable } from '../conformance/compatibility-table.ts';
import type { TriedVersion } from '../conformance/row.ts';
import { failing, tryRow } from '../conformance/try-row.ts';
import { useServe } from '../e2b/use-serve.ts';
import { type BoxOptions, type ClientBox, clientTypes, clientVersion, connectTo } from './client.ts';
import type { Trial } from './row.ts';
import { allRows } from './rows/all-rows.ts';

const serve = useServe();
const tried = { version: clientVersion, outcomes: new Map() } satisfies TriedVersion<Trial>;

/** How a refusal by name reaches its user: the client's own word for the code, before the server's text or its own. */
const refused = /^unsupported: /;

/** These open the client's own runtime on this machine, which needs KVM and no server. */
const ofNoServer = new Set(['JsBoxliteConstructor#initDefault', 'JsBoxliteConstructor#withDefaultConfig']);

const intro = `## The npm client \`@boxlite-ai/boxlite\` in REST mode

Written by \`tests/boxlite/conformance.test.ts\`. A refusal is the error \`unsupported\`; some are the client's own, which asks no
server then. Left out: \`initDefault\` and \`withDefaultConfig\`, which open the client's own runtime.
`;

it('each public method of the client has a row', () => {
  const methods = clientMethods(clientTypes);
  const covered = new Set(allRows.map(({ method }) => method));
  expect(methods.filter((method) => !covered.has(method) && !ofNoServer.has(method))).toEqual([]);
  // What enumerates them has not lost sight of the package, and no row is of a method that there is not.
  expect(methods).toEqual(expect.arrayContaining(['JsBox#exec', 'VolumeHandle#create', 'SimpleBox#exec']));
  expect([...covered].filter((method) => !methods.includes(method))).toEqual([]);
});

describe(`${clientVersion} in REST mode`, () => {
  let box: ClientBox | undefined;
  let runtime: client.Boxlite | undefined;
  beforeAll(async () => {
    runtime = connectTo(serve());
    box = await runtime.create({ image: 'base' });
  });

  it.each(allRows)('$method: $claim', { timeout: 60_000 }, async (row) => {
    const { url, key, directory: place } = serve();
    const directory = mkdtempSync(join(place, 'row-'));
    const own: ClientBox[] = [];
    const fresh = async (options: BoxOptions = { image: 'base' }, name?: string): Promise<ClientBox> => {
      const made = await needed(runtime).create(options, name);
      own.push(made);
      return made;
    };
    const trial = (): Trial => ({ client, runtime: needed(runtime), url, key, directory, box: needed(box), fresh });
    try {
      await tryRow(row, trial, { outcomes: tried.outcomes, refused });
    } finally {
      for (const { id } of own) await runtime?.remove(id, true).catch(() => {});
      rmSync(directory, { recursive: true });
    }
  });

  afterAll(async () => {
    if (box !== undefined) await runtime?.remove(box.id, true);
  });
});

it('no call fails', () => {
  expect(failing(allRows, [tried])).toEqual([]);
});

it('docs/compatibility.md is what these calls did', async () => {
  const first = ['JsBoxlite', 'JsBoxliteConstructor', 'JsBox', 'JsExecution'];
  const table = compatibilityTable({ intro, rows: allRows, versions: [tried], first });
  await expect(pageWith('boxlite', table)).toMatchFileSnapshot(compatibilityPage);
});

function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the shared box could not be made');
  return value;
}
