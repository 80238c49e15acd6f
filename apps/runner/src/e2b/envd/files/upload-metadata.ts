import type { IncomingHttpHeaders } from 'node:http';
import type { SandboxFiles } from '@hatchery/runtime';
import { EnvdError } from '../envd-error.ts';
import { detailsOf, withDetails } from '../filesystem/entry-info.ts';
import { metadataPrefix } from '../filesystem/metadata.ts';

const headerPrefix = 'x-metadata-';
/** With the prefix, what the name of an extended attribute may have. */
const maxKeyBytes = 246;
/** Names and values of one file: what ext4 keeps. */
const maxBytes = 4096;

export type Metadata = Readonly<Record<string, string>>;

/** What the headers of an upload say of all its files. Throws EnvdError 400. */
export function metadataIn(headers: IncomingHttpHeaders): Metadata {
  const found = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(headerPrefix) ? [[name.slice(headerPrefix.length), String(value ?? '')] as const] : [],
  );
  let bytes = 0;
  for (const [key, value] of found) {
    const keyBytes = Buffer.byteLength(key);
    if (keyBytes === 0) throw new EnvdError(400, 'a metadata key is empty: it is what follows X-Metadata-');
    if (keyBytes > maxKeyBytes)
      throw new EnvdError(400, `metadata key of ${keyBytes} bytes: at most ${maxKeyBytes} are possible`);
    bytes += keyBytes + Buffer.byteLength(value);
  }
  if (bytes > maxBytes) throw new EnvdError(400, `metadata of ${bytes} bytes: at most ${maxBytes} are possible`);
  return Object.fromEntries(found);
}

/** Gives a file this metadata and no other. Throws as the calls of `files` do. */
export async function setMetadata(
  files: SandboxFiles,
  path: string,
  metadata: Metadata,
  signal: AbortSignal,
): Promise<void> {
  // Whatever else a program inside has set there is not looked at.
  const { attributes } = detailsOf(await files.stat(path, { ...withDetails, signal }));
  for (const name of Object.keys(attributes))
    if (!Object.hasOwn(metadata, name.slice(metadataPrefix.length)))
      await files.setAttribute(path, name, null, { signal });
  for (const [key, value] of Object.entries(metadata))
    await files.setAttribute(path, metadataPrefix + key, Buffer.from(value), { signal });
}
