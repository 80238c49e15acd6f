import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkLayers } from '../check-layers.ts';

let root: string;

function put(path: string, text: string): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hatchery-layers-'));
  for (const name of ['linux', 'cgroup', 'zygote-ipc', 'runtime']) {
    put(`packages/${name}/package.json`, JSON.stringify({ name: `@hatchery/${name}` }));
  }
  put('apps/runner/package.json', JSON.stringify({ name: '@hatchery/runner' }));
});

afterEach(() => rmSync(root, { recursive: true }));

test('a tree that imports downwards passes', () => {
  put('packages/runtime/src/open.ts', `import { a } from '@hatchery/cgroup';\nimport { b } from './b.ts';`);
  put('packages/zygote-ipc/native/shim/exec.c', '#include "../../../linux/native/clone3.h"\n#include "exec.h"');
  put(
    'apps/runner/package.json',
    JSON.stringify({ name: '@hatchery/runner', dependencies: { '@hatchery/linux': '*' } }),
  );
  put('packages/zygote-ipc/test/wire.test.ts', `import '../../../tools/generate-wire.ts';`);
  expect(checkLayers(root)).toEqual([]);
});

test.for([
  [
    'an import upwards',
    'packages/linux/src/a.ts',
    `import { x } from '@hatchery/runtime';`,
    /must not use packages\/runtime/,
  ],
  ['a type import upwards', 'packages/linux/src/a.ts', `import type { X } from "@hatchery/runtime";`, /must not use/],
  ['a re-export upwards', 'packages/linux/src/a.ts', `export * from '@hatchery/runtime';`, /must not use/],
  ['an import() upwards', 'packages/linux/src/a.ts', `await import('@hatchery/runtime/deep');`, /must not use/],
  [
    'an import on the same floor',
    'packages/cgroup/src/a.ts',
    `import '@hatchery/zygote-ipc';`,
    /must not use packages\/zygote-ipc/,
  ],
  ['an import of an app', 'packages/runtime/test/a.test.ts', `import '@hatchery/runner';`, /must not use apps\/runner/],
  [
    'a path into another package',
    'packages/runtime/src/a.ts',
    `import '../../linux/src/open.ts';`,
    /reaches out of its package/,
  ],
  [
    'a path into another package from a test',
    'packages/runtime/test/a.ts',
    `import '../../linux/src/open.ts';`,
    /reaches out/,
  ],
  ['a path into the repository’s tools', 'packages/runtime/src/a.ts', `import '../../../tools/x.ts';`, /reaches out/],
  [
    'a dependency upwards',
    'packages/linux/package.json',
    '{"name":"@hatchery/linux","devDependencies":{"@hatchery/cgroup":"*"}}',
    /must not use/,
  ],
  [
    'C of the same floor',
    'packages/cgroup/native/a.c',
    '#include "../../zygote-ipc/native/wire/wire.h"',
    /headers of packages\/linux only/,
  ],
  [
    'C upwards',
    'packages/linux/native/a.c',
    '  # include "../../zygote-ipc/native/wire/wire.h"',
    /headers of packages\/linux only/,
  ],
  ['a package without a floor', 'packages/mystery/package.json', '{"name":"@hatchery/mystery"}', /has no floor/],
  ['a drawer as a package', 'packages/utils/package.json', '{"name":"@hatchery/utils"}', /named after what it does/],
  ['a drawer as a file', 'packages/linux/src/helpers.ts', '', /after the one thing in it/],
] as const)('%s is told', ([, path, text, expected]) => {
  put(path, text);
  expect(checkLayers(root).join('\n')).toMatch(expected);
});

test('the project itself keeps its layers', () => {
  expect(checkLayers(fileURLToPath(new URL('../..', import.meta.url)))).toEqual([]);
});
