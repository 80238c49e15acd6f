import { resolve } from 'node:path';
import { dataDirectoryOf, runDirectoryOf } from '../server-directories.ts';
import { buildBase } from '../templates/build-base.ts';
import { registerRoot } from '../templates/register-root.ts';
import { removeTemplate } from '../templates/remove-template.ts';
import type { Template } from '../templates/template.ts';
import { TemplateStore } from '../templates/template-store.ts';
import { write } from '../write.ts';
import { formatTable } from './format-table.ts';

export interface ImageFlags {
  dataDirectory?: string;
}

/** Builds `base`, a line for each step on standard error; its name is what standard output gets. */
export async function imageBase(flags: ImageFlags & { mirror: string }): Promise<number> {
  const dataDirectory = resolve(dataDirectoryOf(flags));
  const store = await TemplateStore.open(dataDirectory);
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const { name } = await buildBase(store, { dataDirectory, mirror: flags.mirror, tell });
  await write(process.stdout, `${name}\n`);
  return 0;
}

/** Makes a template of a root directory and prints its name. */
export async function imageRegister(name: string, directory: string, flags: ImageFlags): Promise<number> {
  const dataDirectory = resolve(dataDirectoryOf(flags));
  const store = await TemplateStore.open(dataDirectory);
  const template = await registerRoot(store, { name, directory, dataDirectory });
  await write(process.stdout, `${template.name}\n`);
  return 0;
}

export async function imageList(flags: ImageFlags & { json?: boolean }): Promise<number> {
  const templates = (await TemplateStore.open(resolve(dataDirectoryOf(flags)))).list();
  await write(process.stdout, flags.json === true ? `${JSON.stringify(templates, null, 2)}\n` : tableOf(templates));
  return 0;
}

/** Takes templates out of the list; what hatchery has built itself is deleted. */
export async function imageRemove(
  names: readonly string[],
  flags: ImageFlags & { runDirectory?: string },
): Promise<number> {
  const places = { dataDirectory: resolve(dataDirectoryOf(flags)), runDirectory: resolve(runDirectoryOf(flags)) };
  const store = await TemplateStore.open(places.dataDirectory);
  for (const name of names) {
    const { template, deleted } = await removeTemplate(store, name, places);
    if (!deleted) await write(process.stderr, `${template.image} stays where it is\n`);
  }
  return 0;
}

function tableOf(templates: readonly Template[]): string {
  const rows = templates.map(({ name, id, image, defaultUser, description }) => [
    name,
    id,
    image,
    defaultUser,
    description,
  ]);
  return formatTable(['NAME', 'ID', 'IMAGE', 'USER', 'DESCRIPTION'], rows);
}
