import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { FileEntry } from '@hatchery/runtime';
import type { Client } from '../client/client.ts';
import { formatQuery } from '../wire/query.ts';
import type { Found } from './copy-target.ts';

/** The files of one sandbox of the server. */
export class RemoteFiles {
  readonly #client: Client;
  readonly #path: string;

  constructor(client: Client, sandboxId: string) {
    this.#client = client;
    this.#path = `/v1/sandboxes/${encodeURIComponent(sandboxId)}/files`;
  }

  /** What a path leads to, through symlinks; null: nothing. */
  async find(path: string): Promise<Found> {
    try {
      // A list follows a symlink, which stat() does not.
      await this.#client.call('GET', `${this.#path}/list${formatQuery({ path, limit: 1 })}`);
      return 'directory';
    } catch (error) {
      if (codeOf(error) === 'ERR_FILE_NOT_FOUND') return 'nothing';
      if (codeOf(error) === 'ERR_FILE_TYPE') return 'something';
      throw error;
    }
  }

  async stat(path: string): Promise<Pick<FileEntry, 'type' | 'mode' | 'symlinkTarget'> | null> {
    try {
      return await this.#client.call<FileEntry>('GET', `${this.#path}${formatQuery({ path })}`);
    } catch (error) {
      if (codeOf(error) === 'ERR_FILE_NOT_FOUND') return null;
      throw error;
    }
  }

  read(path: string): Promise<IncomingMessage> {
    return this.#client.stream(`${this.#path}/content${formatQuery({ path })}`);
  }

  async write(path: string, source: Readable, options: { user?: string | undefined; mode?: string }): Promise<void> {
    await this.#client.upload(`${this.#path}/content${formatQuery({ path, ...options })}`, source);
  }

  archive(path: string): Promise<IncomingMessage> {
    return this.#client.stream(`${this.#path}/archive${formatQuery({ path })}`);
  }

  async extract(path: string, source: Readable, options: { user?: string | undefined }): Promise<void> {
    await this.#client.upload(`${this.#path}/archive${formatQuery({ path, ...options })}`, source);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null;
}
