import { renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CliError } from '../cli-error.ts';
import { syncDirectory } from '../write-durably.ts';
import { usersOfImage } from './image-users.ts';
import type { Template } from './template.ts';
import type { TemplateStore } from './template-store.ts';

/**
 * Takes a template out. A registered directory stays where it is, so that sandboxes made on it go on and can be started
 * again; one that hatchery has built is deleted, which is refused with ERR_TEMPLATE_IN_USE while a sandbox needs it.
 * Throws ERR_TEMPLATE_NOT_FOUND.
 */
export async function removeTemplate(
  store: TemplateStore,
  name: string,
  places: { readonly runDirectory: string; readonly dataDirectory: string },
): Promise<{ template: Template; deleted: boolean }> {
  const found = store.find(name);
  if (found?.image === 'host')
    throw new CliError(
      'ERR_TEMPLATE_NOT_FOUND',
      `template ${name}: it has not been built, so there is nothing to remove`,
    );
  if (found !== undefined) refuseUsed(found, places);
  const template = await store.remove(name);
  const built = dirname(template.image);
  const images = join(places.dataDirectory, 'images');
  if (dirname(built) !== images) return { template, deleted: false };
  // Whoever found the template before it was taken out fails from here on, or has its record written already.
  const removing = join(images, `removing-${basename(built)}`);
  renameSync(built, removing);
  try {
    refuseUsed(template, places);
  } catch (error) {
    renameSync(removing, built);
    await store.add(template);
    throw error;
  }
  rmSync(removing, { recursive: true });
  syncDirectory(images);
  return { template, deleted: true };
}

function refuseUsed(
  { name, image }: Template,
  places: { readonly runDirectory: string; readonly dataDirectory: string },
): void {
  if (dirname(dirname(image)) !== join(places.dataDirectory, 'images')) return;
  const users = usersOfImage(image, places);
  if (users.length === 0) return;
  const shown = users.slice(0, 5).join(', ');
  throw new CliError(
    'ERR_TEMPLATE_IN_USE',
    `template ${name}: ${users.length} sandboxes are made on it (${shown}${users.length > 5 ? ', …' : ''}); destroy them first`,
  );
}
