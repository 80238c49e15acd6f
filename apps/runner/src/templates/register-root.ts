import { realpathSync, type Stats, statSync } from 'node:fs';
import { isAbsolute, sep } from 'node:path';
import { CliError } from '../cli-error.ts';
import { generateTemplateId } from './generate-template-id.ts';
import { describeLacks, hasUser } from './image-contents.ts';
import { baseName, type Template } from './template.ts';
import { checkName, type TemplateStore } from './template-store.ts';
import { tryRoot } from './try-root.ts';

/**
 * Makes a template of a root directory, after a program has run in a sandbox on it. The directory stays where it is and
 * is only read. Throws ERR_TEMPLATE_ROOT, or what the create of the sandbox met.
 */
export async function registerRoot(
  store: TemplateStore,
  options: { readonly name: string; readonly directory: string; readonly dataDirectory: string },
): Promise<Template> {
  const { name, directory, dataDirectory } = options;
  checkName(name);
  const image = checkRoot(directory, dataDirectory);
  await tryRoot(image, dataDirectory);
  const template = describeRoot(name, image, `the root directory ${image}`);
  await store.add(template);
  return template;
}

/** A template of a root that is good, with what it lacks. */
export function describeRoot(name: string, image: string, what: string): Template {
  return {
    id: name === baseName ? baseName : generateTemplateId(),
    name,
    aliases: [],
    image,
    defaultUser: hasUser(image) ? 'user' : 'root',
    description: `${what}${describeLacks(image)}`,
    createdAt: new Date(),
  };
}

/** The directory without symlinks in its path. Throws ERR_TEMPLATE_ROOT. */
function checkRoot(directory: string, dataDirectory: string): string {
  if (!isAbsolute(directory)) throw refused(directory, 'its path is not absolute', 'give the absolute path');
  const image = resolved(directory);
  if (image === null) throw refused(directory, 'it is not there', 'give the path of a root directory');
  const found = statSync(image);
  if (!found.isDirectory()) throw refused(directory, 'it is not a directory', 'unpack it into one');
  if (image === sep) throw refused(directory, "it is this host's own root", 'use the image "host" instead');
  const data = resolved(dataDirectory) ?? dataDirectory;
  if (isWithin(image, data) || isWithin(data, image))
    throw refused(directory, `it holds the data directory ${data}, or lies in it`, 'keep it somewhere else');
  if (isOpenToOthers(found))
    throw refused(directory, 'others than root may change it', `chown root ${image} && chmod go-w ${image}`);
  return image;
}

function resolved(path: string): string | null {
  try {
    return realpathSync.native(path);
  } catch {
    // Which of its names is missing the path itself shows.
    return null;
  }
}

function isWithin(path: string, parent: string): boolean {
  return path === parent || path.startsWith(parent + sep);
}

/** Whoever can write there chooses what runs as root in every sandbox of the template. */
function isOpenToOthers({ uid, mode }: Stats): boolean {
  return uid !== 0 || (mode & 0o022) !== 0;
}

function refused(directory: string, why: string, remedy: string): CliError {
  return new CliError('ERR_TEMPLATE_ROOT', `register of ${directory}: ${why}; ${remedy}`);
}
