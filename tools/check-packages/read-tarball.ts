import { gunzipSync } from 'node:zlib';

const BLOCK = 512;

/** The regular files of an npm tarball, by their path below its folder `package`. */
export function readTarball(bytes: Uint8Array): Map<string, Buffer> {
  const archive = gunzipSync(bytes);
  const files = new Map<string, Buffer>();
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const name = text(archive, at, 100);
    if (name === '') break;
    const prefix = text(archive, at + 345, 155);
    const size = Number.parseInt(text(archive, at + 124, 12), 8);
    const kind = text(archive, at + 156, 1);
    // A packer that writes links or extended headers would have to be read by a real reader of archives.
    if (kind !== '0' && kind !== '5') throw new Error(`"${name}" in the tarball is of type ${JSON.stringify(kind)}`);
    const path = (prefix === '' ? name : `${prefix}/${name}`).replace(/^package\//, '');
    if (kind === '0') files.set(path, archive.subarray(at + BLOCK, at + BLOCK + size));
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

function text(archive: Buffer, from: number, length: number): string {
  const field = archive.subarray(from, from + length);
  const end = field.indexOf(0);
  return field
    .subarray(0, end === -1 ? length : end)
    .toString('latin1')
    .trim();
}
