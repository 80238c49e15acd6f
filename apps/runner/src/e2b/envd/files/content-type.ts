import { posix } from 'node:path';

const text = '; charset=utf-8';
const byExtension: Readonly<Record<string, string>> = {
  '.css': `text/css${text}`,
  '.csv': `text/csv${text}`,
  '.gif': 'image/gif',
  '.gz': 'application/gzip',
  '.htm': `text/html${text}`,
  '.html': `text/html${text}`,
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': `text/javascript${text}`,
  '.json': 'application/json',
  '.md': `text/markdown${text}`,
  '.mjs': `text/javascript${text}`,
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': `text/plain${text}`,
  '.wasm': 'application/wasm',
  '.webp': 'image/webp',
  '.xml': `text/xml${text}`,
  '.zip': 'application/zip',
};

/** What a browser is told of a file, by its name alone: its content is somebody else's. */
export function contentTypeOf(name: string): string {
  return byExtension[posix.extname(name).toLowerCase()] ?? 'application/octet-stream';
}

/** Whether it is compressed in itself, so that gzip would only take time. */
export function isCompressed(contentType: string): boolean {
  return /^(audio|video)\/|^image\/(?!svg)|\/(gzip|zip|pdf)$/.test(contentType);
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const printable = /^[\x20-\x7e]+$/;

/** `inline; filename=…` of any name (RFC 6266): a token, a quoted string, or percent-encoded. Bytes that are no UTF-8 are U+FFFD. */
export function contentDispositionOf(name: string): string {
  if (token.test(name)) return `inline; filename=${name}`;
  if (printable.test(name)) return `inline; filename="${name.replace(/["\\]/g, '\\$&')}"`;
  const coded = encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, percent);
  return `inline; filename*=utf-8''${coded}`;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
