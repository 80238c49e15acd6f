import type { Template } from '../../templates/template.ts';
import type { TemplateStore } from '../../templates/template-store.ts';
import { BoxError } from '../box-error.ts';

/**
 * The registered template of an image's name, with or without `:latest`, which is the same image. Nothing is pulled: another tag
 * would be another image, and none is taken for it. Throws image_pull_failed.
 */
export function findImage(templates: Pick<TemplateStore, 'find'>, image: string): Template {
  const found = templates.find(image.replace(/:latest$/, ''));
  if (found !== undefined) return found;
  throw new BoxError(
    'image_pull_failed',
    `image "${image}" is not registered here, and none is pulled: unpack its root and use "hatchery image register NAME DIRECTORY", or ask for "base"; "hatchery image ls" shows what is there`,
  );
}
