import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { Readable } from 'node:stream';
import { type Member, writeArchive } from '../tar/archives.ts';

/** What is below a directory on the host: a line for each entry, with what it is, its mode and a digest of its content. */
export function treeOf(directory: string): string[] {
  return linesBelow(Buffer.from(directory), '').toSorted();
}

function linesBelow(directory: Buffer, shown: string): string[] {
  return readdirSync(directory, { encoding: 'buffer' }).flatMap((name) => {
    const path = Buffer.concat([directory, Buffer.from('/'), name]);
    const facts = lstatSync(path);
    const below = `${shown}/${name.toString('latin1')}`;
    const line = `${below} ${facts.mode.toString(8)} ${facts.isDirectory() ? '' : facts.nlink} ${contentOf(path, facts)}`;
    return facts.isDirectory() ? [line, ...linesBelow(path, below)] : [line];
  });
}

function contentOf(path: Buffer, facts: Stats): string {
  if (facts.isSymbolicLink()) return readlinkSync(path);
  if (!facts.isFile()) return '';
  return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 12);
}

/** An archive as a stream that comes in chunks of that size. */
export function streamOf(members: readonly Member[] | Buffer, chunkBytes = 64 * 1024): Readable {
  const archive = Buffer.isBuffer(members) ? members : writeArchive(members);
  return Readable.from(chunks(archive, chunkBytes));
}

function* chunks(bytes: Buffer, chunkBytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

export async function bytesOf(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
