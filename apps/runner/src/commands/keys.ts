import { KeyStore } from '../keys/key-store.ts';
import { dataDirectoryOf } from '../server-directories.ts';
import { write } from '../write.ts';
import { formatTable } from './format-table.ts';

/** What the commands for API keys take: they need no server. */
export interface KeysFlags {
  dataDirectory?: string;
  json?: boolean;
}

/** Prints a new key, alone on its line, so that a script can take it. */
export async function createKey(name: string, flags: KeysFlags): Promise<number> {
  await write(process.stdout, `${await open(flags).create(name)}\n`);
  return 0;
}

export async function listKeys(flags: KeysFlags): Promise<number> {
  const keys = open(flags).list();
  const rows = keys.map(({ name, shown, createdAt }) => [name, `${shown}…`, createdAt]);
  const text =
    flags.json === true ? `${JSON.stringify(keys, null, 2)}\n` : formatTable(['NAME', 'KEY', 'CREATED'], rows);
  await write(process.stdout, text);
  return 0;
}

export async function revokeKey(name: string, flags: KeysFlags): Promise<number> {
  await open(flags).revoke(name);
  return 0;
}

function open(flags: KeysFlags): KeyStore {
  return KeyStore.open(dataDirectoryOf(flags));
}
