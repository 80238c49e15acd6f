import type { Sandbox } from '@hatchery/runtime';
import { compileValidator } from '../serve/validator.ts';

/** What the keys of hatchery's own metadata begin with: no client of any API may set one, or its sandbox would pass for another API's. */
const ownKeys = 'hatchery.';

/** The key of hatchery's own that a client's metadata holds, if any. */
export function ownKeyIn(metadata: Readonly<Record<string, string>>): string | undefined {
  return Object.keys(metadata).find((key) => key.startsWith(ownKeys));
}

/**
 * What one API knows of a sandbox beside what the runtime does. It is kept in the sandbox's own metadata, whose record is
 * written with the sandbox and outlives this process.
 */
export class KeptDetails<T extends object> {
  readonly key: string;
  readonly #check: (value: unknown) => string | null;

  /** @param name of the API @param properties JSON Schema of each, all of them required */
  constructor(name: string, properties: Readonly<Record<keyof T, object>>) {
    this.key = `${ownKeys}${name}`;
    this.#check = compileValidator({ type: 'object', required: Object.keys(properties), properties });
  }

  /** The metadata of a sandbox's spec: the user's, and the details. */
  add(metadata: Readonly<Record<string, string>>, details: T): Record<string, string> {
    return { ...metadata, [this.key]: JSON.stringify(details) };
  }

  /** null: it was not made through this API, or what it says cannot be understood. */
  read({ metadata }: Pick<Sandbox, 'metadata'>): T | null {
    const stored = metadata[this.key];
    if (stored === undefined) return null;
    try {
      const details: unknown = JSON.parse(stored);
      return this.#check(details) === null ? (details as T) : null;
    } catch {
      return null;
    }
  }

  /** What the user gave. */
  withoutThem({ metadata }: Pick<Sandbox, 'metadata'>): Record<string, string> {
    const { [this.key]: _, ...own } = metadata;
    return own;
  }
}
