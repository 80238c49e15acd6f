import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { expect, test } from 'vitest';
import { neededCapabilities } from '../../packages/runtime/src/open/capabilities.ts';
import { installedPackages, type RecipeStage, readRecipe, startWords } from './container-recipe.ts';
import { repository } from './deploy-file.ts';
import { podTemplate } from './pod-template.ts';

const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

/** What of a recipe could not be built or started, a sentence each. */
function faultsOf(stages: readonly RecipeStage[]): string[] {
  const faults: string[] = [];
  /** Paths that steps so far have made, by stage. */
  const made = new Map<string, Set<string>>();
  for (const { name, base, steps } of stages) {
    if (!/^[a-z0-9.-]+\/[a-z0-9/-]+:[\w.-]+$/.test(base)) faults.push(`FROM ${base}: names no registry and tag`);
    const here = new Set<string>();
    made.set(name ?? '', here);
    for (const { keyword, words, from, isJson } of steps) {
      const line = `${keyword} ${words.join(' ')}`;
      if (keyword === 'COPY' || keyword === 'ADD') {
        for (const source of words.slice(0, -1)) {
          const there = from === null ? existsSync(join(repository, source)) : made.get(from)?.has(source);
          if (there !== true) faults.push(`${line}: its source is not there`);
        }
        here.add(words.at(-1) ?? '');
      }
      const script = /^npm run ([\w-]+)/.exec(words.join(' '))?.[1];
      if (keyword === 'RUN' && script !== undefined && manifest.scripts[script] === undefined)
        faults.push(`${line}: package.json has no such script`);
      if (keyword === 'RUN' && script === 'stage') here.add(words.at(-1) ?? '');
      if (keyword === 'USER' && !['root', '0'].includes(words[0] ?? ''))
        faults.push(`${line}: the runner has to be root`);
      if ((keyword === 'ENTRYPOINT' || keyword === 'CMD') && !isJson)
        faults.push(`${line}: a shell would be in between, which passes no signal on`);
    }
  }
  const last = stages.at(-1);
  const entry = startWords(stages).entry[0] ?? '';
  if (last === undefined || !installedPackages(last).includes(entry)) faults.push(`${entry}: nothing installs it`);
  return faults;
}

const stages = readRecipe();

// Mutation: in the Containerfile another name of the stage in --from, another directory, a script that is not there, tini not installed.
test('every source of the Containerfile is there, every program is installed, and signals reach the runner', () => {
  expect(faultsOf(stages)).toEqual([]);
  const wrong = `FROM debian AS build
COPY nowhere /src
RUN npm run unknown -- /opt/hatchery
FROM docker.io/library/debian:bookworm-slim
COPY --from=build /opt/hatchery /opt/hatchery
USER node
ENTRYPOINT tini -- hatchery
`;
  expect(faultsOf(readRecipe(wrong)).map((fault) => fault.split(': ')[0])).toEqual([
    'FROM debian',
    'COPY nowhere /src',
    'RUN npm run unknown -- /opt/hatchery',
    'COPY /opt/hatchery /opt/hatchery',
    'USER node',
    'ENTRYPOINT tini -- hatchery',
    'tini',
  ]);
});

// Mutation: `+sys_ptrace` left out, `+sys_module` added.
test('of a privileged container the entry point keeps what the runtime asks for', () => {
  const set = startWords(stages).entry.find((word) => word.startsWith('--bounding-set='));
  const [all, ...kept] = set?.slice('--bounding-set='.length).split(',') ?? [];
  expect(all).toBe('-all');
  const names = kept.map((word) => word.replace(/^\+/, 'CAP_').toUpperCase());
  expect(names.toSorted()).toEqual([...neededCapabilities].toSorted());
});

// Mutation: `.hatchery` left out of .dockerignore.
test('nothing that git ignores gets into the build, the key of this checkout least of all', () => {
  const ignored = readFileSync(join(repository, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const isIgnored = (path: string): boolean =>
    path
      .split('/')
      .some((_, index, parts) => ignored.some((glob) => matchesGlob(parts.slice(0, index + 1).join('/'), glob)));
  const list = (...words: string[]): string[] =>
    execFileSync('git', ['ls-files', ...words], { cwd: repository, encoding: 'utf8' })
      .split('\n')
      .filter(Boolean);
  const untracked = list('--others', '--ignored', '--exclude-standard', '--directory').map((path) =>
    path.replace(/\/$/, ''),
  );
  expect(untracked).toContain('node_modules');
  for (const path of [...untracked, '.hatchery/shim-key.pem', '.git']) expect(isIgnored(path), path).toBe(true);
  expect(list().filter(isIgnored)).toEqual([]);
});

// Mutation: another port in EXPOSE, or a volume at another place.
test('what the image says of itself is what the pod asks of it', () => {
  const { container, mounts } = podTemplate();
  const said = (keyword: string) => stages.at(-1)?.steps.find((step) => step.keyword === keyword)?.words;
  expect(container.ports?.map(({ containerPort }) => String(containerPort))).toEqual(said('EXPOSE'));
  expect(mounts.map(({ mount }) => mount.mountPath)).toEqual(expect.arrayContaining([...(said('VOLUME') ?? [''])]));
});
