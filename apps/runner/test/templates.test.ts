import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Template } from '../src/templates/template.ts';
import { TemplateStore } from '../src/templates/template-store.ts';

function useDataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function templateOf(name: string): Template {
  const image = `/srv/${name}`;
  return {
    id: `${name}-id`,
    name,
    aliases: [`${name}-alias`],
    image,
    defaultUser: 'root',
    description: image,
    createdAt: new Date(0),
  };
}

it('base is always there: the host’s image, with the same user, and it says what it lacks and how to build the real one', async () => {
  const store = await TemplateStore.open(useDataDirectory());
  const base = store.find('base');
  expect(base).toMatchObject({ id: 'base', name: 'base', image: 'host', defaultUser: 'user' });
  expect(base?.description).toContain('hatchery image base');
  expect(store.list()).toEqual([base]);
});

it('a template is found by name, id and alias, and by nothing else', async () => {
  const store = await TemplateStore.open(useDataDirectory());
  await store.add(templateOf('one'));
  for (const name of ['one', 'one-id', 'one-alias']) expect(store.find(name)).toEqual(templateOf('one'));
  expect(store.find('on')).toBeUndefined();
  expect(store.find('')).toBeUndefined();
});

it('what one store changes another that is open sees at once', async () => {
  const directory = useDataDirectory();
  const server = await TemplateStore.open(directory);
  const command = await TemplateStore.open(directory);
  await command.add(templateOf('one'));
  expect(server.find('one')).toEqual(templateOf('one'));
  await command.remove('one');
  expect(server.find('one')).toBeUndefined();
});

it('templates added by many at once are all there', async () => {
  const directory = useDataDirectory();
  const names = Array.from({ length: 20 }, (_, index) => `t${index}`);
  await Promise.all(names.map(async (name) => await (await TemplateStore.open(directory)).add(templateOf(name))));
  const found = (await TemplateStore.open(directory)).list().map(({ name }) => name);
  expect(found.toSorted()).toEqual(['base', ...names].toSorted());
});

it('a name that is taken as name, id or alias is refused, and so is one that cannot be', async () => {
  const store = await TemplateStore.open(useDataDirectory());
  await store.add(templateOf('one'));
  for (const name of ['one', 'one-id', 'one-alias'])
    await expect(store.add(templateOf(name))).rejects.toMatchObject({ code: 'ERR_TEMPLATE_EXISTS' });
  for (const name of ['', '-a', 'A', 'a/b', 'a'.repeat(64)])
    await expect(store.add(templateOf(name))).rejects.toMatchObject({ code: 'ERR_TEMPLATE_NAME' });
  await expect(store.remove('two')).rejects.toMatchObject({ code: 'ERR_TEMPLATE_NOT_FOUND' });
});

it('nobody but root reads the templates', async () => {
  const directory = useDataDirectory();
  await (await TemplateStore.open(directory)).add(templateOf('one'));
  expect(statSync(join(directory, 'templates')).mode & 0o777).toBe(0o700);
  expect(statSync(join(directory, 'templates/templates.json')).mode & 0o777).toBe(0o600);
});

it.each([
  ['', 'JSON'],
  ['{}', 'version'],
  ['{"version":2,"templates":[]}', 'version 2'],
  ['{"version":1}', 'lists no templates'],
  ['{"version":1,"templates":[{"id":"x"}]}', 'missing or wrong'],
])('a file that is not the templates is told and left alone: %s', async (text, why) => {
  const directory = useDataDirectory();
  const store = await TemplateStore.open(directory);
  const path = join(directory, 'templates/templates.json');
  mkdirSync(join(directory, 'templates'));
  writeFileSync(path, text);
  const refusal = { code: 'ERR_TEMPLATES_UNREADABLE', message: expect.stringContaining(why) as string };
  expect(() => store.list()).toThrow(expect.objectContaining(refusal) as Error);
  await expect(store.add(templateOf('one'))).rejects.toMatchObject(refusal);
  expect(statSync(path).size).toBe(text.length);
});
