import { type BigIntStats, chmodSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from '../cli-error.ts';
import { withLock } from '../file-lock.ts';
import { writeDurably } from '../write-durably.ts';
import { hostAsBase } from './host-as-base.ts';
import { baseName, isTemplateName, type Template } from './template.ts';
import { formatTemplates, readTemplates } from './template-file.ts';

/**
 * The templates of a data directory: one file, replaced whole under a lock, and read again as soon as it is another one.
 * So a server sees at once what a command beside it has changed.
 */
export class TemplateStore {
  readonly #directory: string;
  readonly #path: string;
  #templates: readonly Template[] = [];
  #readFrom = '';
  #host: Template | null = null;

  private constructor(dataDirectory: string) {
    this.#directory = join(dataDirectory, 'templates');
    this.#path = join(this.#directory, 'templates.json');
  }

  /** Throws ERR_TEMPLATES_UNREADABLE when what is there cannot be understood. */
  // eslint-disable-next-line require-await -- opening may come to wait
  static async open(dataDirectory: string): Promise<TemplateStore> {
    const store = new TemplateStore(dataDirectory);
    store.#current();
    return store;
  }

  /** By name, id or alias. `base` is always there. */
  find(nameOrId: string): Template | undefined {
    return this.list().find(
      ({ id, name, aliases }) => id === nameOrId || name === nameOrId || aliases.includes(nameOrId),
    );
  }

  /** `base` first, then by name. */
  list(): Template[] {
    const templates = this.#current();
    const base = templates.find(({ name }) => name === baseName) ?? (this.#host ??= hostAsBase());
    const others = templates.filter(({ name }) => name !== baseName);
    return [base, ...others.toSorted((one, other) => (one.name < other.name ? -1 : 1))];
  }

  /** Throws ERR_TEMPLATE_NAME, and ERR_TEMPLATE_EXISTS when the name is another's. */
  async add(template: Template): Promise<void> {
    checkName(template.name);
    await this.#change((templates) => {
      if (templates.some(({ id, name, aliases }) => [id, name, ...aliases].includes(template.name)))
        throw new CliError(
          'ERR_TEMPLATE_EXISTS',
          `template ${template.name}: it is there already; take another name, or remove it first (hatchery image rm ${template.name})`,
        );
      return [...templates, template];
    });
  }

  /** Takes a template out and returns it. Throws ERR_TEMPLATE_NOT_FOUND. */
  async remove(nameOrId: string): Promise<Template> {
    let removed: Template | undefined;
    await this.#change((templates) => {
      removed = templates.find(({ id, name }) => id === nameOrId || name === nameOrId);
      return templates.filter((template) => template !== removed);
    });
    if (removed === undefined) throw notFound(nameOrId);
    return removed;
  }

  async #change(change: (templates: readonly Template[]) => readonly Template[]): Promise<void> {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    // One that somebody else made, or that the umask made narrower.
    chmodSync(this.#directory, 0o700);
    await withLock(join(this.#directory, 'lock'), () => {
      writeDurably(this.#path, formatTemplates(change(readTemplates(this.#path))));
    });
  }

  /** Asks the file for its marks, which one replaced by rename cannot share with the one before. */
  #current(): readonly Template[] {
    const mark = markOf(statSync(this.#path, { bigint: true, throwIfNoEntry: false }));
    if (mark !== this.#readFrom) {
      this.#templates = readTemplates(this.#path);
      this.#readFrom = mark;
    }
    return this.#templates;
  }
}

/** Throws ERR_TEMPLATE_NAME. */
export function checkName(name: string): void {
  if (isTemplateName(name)) return;
  const text = `template ${JSON.stringify(name)}: a name is 1 to 63 of [a-z0-9-] and begins with a letter or digit`;
  throw new CliError('ERR_TEMPLATE_NAME', text);
}

function notFound(name: string): CliError {
  const text = `template ${name}: there is none of that name or id; see hatchery image ls`;
  return new CliError('ERR_TEMPLATE_NOT_FOUND', text);
}

function markOf(found: BigIntStats | undefined): string {
  return found === undefined ? '' : `${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`;
}
