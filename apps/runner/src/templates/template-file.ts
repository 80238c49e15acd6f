import { readFileSync } from 'node:fs';
import { CliError } from '../cli-error.ts';
import { isTemplateName, type Template } from './template.ts';

/** The text of the file that holds the templates of a data directory. */
export function formatTemplates(templates: readonly Template[]): string {
  return `${JSON.stringify({ version: 1, templates }, null, 2)}\n`;
}

/** Reads it; no file: none was made yet. Throws ERR_TEMPLATES_UNREADABLE. */
export function readTemplates(path: string): Template[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw unreadable(path, error);
  }
  try {
    return parseTemplates(text);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function parseTemplates(text: string): Template[] {
  const { version, templates } = JSON.parse(text) as { version?: unknown; templates?: unknown };
  if (version !== 1) throw new Error(`version ${JSON.stringify(version)} is not one this build knows`);
  if (!Array.isArray(templates)) throw new Error('it lists no templates');
  return templates.map(parseTemplate);
}

function parseTemplate(value: unknown): Template {
  const { id, name, aliases, image, defaultUser, description, createdAt } = value as Record<string, unknown>;
  const isWhole =
    isText(id) &&
    isText(name) &&
    isTemplateName(name) &&
    Array.isArray(aliases) &&
    aliases.every(isText) &&
    isText(image) &&
    isText(defaultUser) &&
    isText(description) &&
    isText(createdAt) &&
    !Number.isNaN(Date.parse(createdAt));
  if (!isWhole) throw new Error(`fields of a template are missing or wrong: ${JSON.stringify(value)}`);
  return { id, name, aliases, image, defaultUser, description, createdAt: new Date(createdAt) };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function unreadable(path: string, error: unknown): CliError {
  const why = error instanceof Error ? error.message : String(error);
  const text = `read of the templates in ${path}: ${why}; put back a copy of it, or move it away and register them again`;
  return new CliError('ERR_TEMPLATES_UNREADABLE', text);
}
