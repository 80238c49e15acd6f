import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { pipeline, type Readable, type Transform } from 'node:stream';
import { promisify } from 'node:util';
import { constants, createGzip, gzip } from 'node:zlib';
import type { FileEntry, SandboxFiles } from '@hatchery/runtime';
import { EnvdError } from '../envd-error.ts';
import { acceptedEncodings, type ContentEncoding } from './accept-encoding.ts';
import { type ByteRange, byteRangeOf } from './byte-range.ts';
import { entityTagOf, isConditional, isRangeOf, statusOfConditions } from './conditions.ts';
import { contentDispositionOf, contentTypeOf, isCompressed } from './content-type.ts';
import { ExactLength } from './exact-length.ts';

/** Up to here content is read in one go. */
const smallBytes = 64 * 1024;
/** Below it gzip saves nothing that counts. */
const worthGzipBytes = 1024;
/** The fastest: a client on the same machine waits for it. */
const gzipOptions = { level: constants.Z_BEST_SPEED };
const gzipAll: (bytes: Buffer, options: object) => Promise<Buffer> = promisify(gzip);

/** What is answered to who asks for a file, whose reading has begun. */
export interface FileAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  /** null: there is none, or the client wants the headers alone. */
  readonly body: Buffer | Readable | null;
}

export interface FileRequest {
  readonly files: SandboxFiles;
  /** Called before more is read than is held at once: content goes as fast as its client takes it. */
  readonly beginTransfer: () => Promise<void>;
  readonly file: FileEntry;
  readonly headers: IncomingHttpHeaders;
  readonly headersOnly: boolean;
  readonly signal: AbortSignal;
}

/** A file, a part of it, or that the client has it already. Throws EnvdError 406, and as reading does. */
export async function fileAnswer(request: FileRequest): Promise<FileAnswer> {
  const { headers, file } = request;
  const common = headersOf(file);
  const status = statusOfConditions(headers, file);
  if (status !== 200) return { status, headers: common, body: null };
  if (!isConditional(headers)) return await whole(request, common, chooseEncoding(headers['accept-encoding'], file));
  const range = isRangeOf(headers, file) ? byteRangeOf(headers.range, file.size) : null;
  if (range === null) return await whole(request, common, 'identity');
  if (range === 'unsatisfiable') return unsatisfiable(file);
  const last = range.offset + range.length - 1;
  const told = { ...common, 'content-range': `bytes ${range.offset}-${last}/${file.size}` };
  return { ...(await part(request, told, range)), status: 206 };
}

/** What holds for every answer about the file. Shown in a browser, it is no page of this server's. */
function headersOf(file: FileEntry): Record<string, string> {
  return {
    'content-type': contentTypeOf(file.name),
    'content-disposition': contentDispositionOf(file.name),
    vary: 'Accept-Encoding',
    'accept-ranges': 'bytes',
    'last-modified': file.modifiedAt.toUTCString(),
    etag: entityTagOf(file),
    'x-content-type-options': 'nosniff',
    'content-security-policy': 'sandbox',
  };
}

/** An empty file is never compressed: clients know it by its length. Throws EnvdError 406. */
function chooseEncoding(header: string | undefined, { name, size }: FileEntry): ContentEncoding {
  const { wantsGzip, identity } = acceptedEncodings(header);
  const isWorthIt = size >= worthGzipBytes && !isCompressed(contentTypeOf(name));
  if (wantsGzip && size > 0 && (isWorthIt || !identity)) return 'gzip';
  if (identity || size === 0) return 'identity';
  throw new EnvdError(406, 'no acceptable encoding: a file is sent as it is, or with gzip');
}

function unsatisfiable({ size }: FileEntry): FileAnswer {
  const headers = { 'content-range': `bytes */${size}`, 'content-type': 'application/json' };
  const message = `the range begins behind the file's ${size} bytes`;
  return { status: 416, headers, body: Buffer.from(JSON.stringify({ code: 416, message })) };
}

async function whole(
  request: FileRequest,
  common: FileAnswer['headers'],
  encoding: ContentEncoding,
): Promise<FileAnswer> {
  const { files, file, headersOnly, signal } = request;
  const all = { offset: 0, length: file.size };
  if (encoding === 'identity') return await part(request, common, all);
  const headers = { ...common, 'content-encoding': 'gzip' };
  if (headersOnly) return { status: 200, headers, body: null };
  if (file.size > smallBytes) {
    if (!(await isWorthGzip(request))) return await part(request, common, all);
    await request.beginTransfer();
    // To its end, however long it has become by then.
    const body = await through(files.readStream(file.path, { signal }), createGzip(gzipOptions));
    return { status: 200, headers, body };
  }
  const bytes = await files.read(file.path, { ...all, signal });
  const body = await gzipAll(bytes, gzipOptions);
  if (isLargerThanWorth(body, bytes) && mayBePlain(request)) return await part(request, common, all);
  return { status: 200, headers: { ...headers, 'content-length': body.length }, body };
}

/** Whether gzip makes its beginning clearly smaller, or nothing else is taken: it is the time of all that run here. */
async function isWorthGzip(request: FileRequest): Promise<boolean> {
  const { files, file, signal } = request;
  if (!mayBePlain(request)) return true;
  const sample = await files.read(file.path, { offset: 0, length: smallBytes, signal });
  return !isLargerThanWorth(await gzipAll(sample, gzipOptions), sample);
}

function isLargerThanWorth(compressed: Buffer, plain: Buffer): boolean {
  return compressed.length > 0.9 * plain.length;
}

function mayBePlain({ headers }: FileRequest): boolean {
  return acceptedEncodings(headers['accept-encoding']).identity;
}

async function part(request: FileRequest, common: FileAnswer['headers'], range: ByteRange): Promise<FileAnswer> {
  const { files, file, headersOnly, signal } = request;
  const headers = { ...common, 'content-length': range.length };
  if (headersOnly) return { status: 200, headers, body: null };
  if (range.length > smallBytes) {
    await request.beginTransfer();
    const source = files.readStream(file.path, { ...range, signal });
    return { status: 200, headers, body: await through(source, new ExactLength(range.length)) };
  }
  const body = range.length === 0 ? Buffer.alloc(0) : await files.read(file.path, { ...range, signal });
  return { status: 200, headers: { ...headers, 'content-length': body.length }, body };
}

/** Once there is something to read, so that what refuses it is an answer of its own. */
async function through(source: Readable, last: Transform): Promise<Readable> {
  await once(source, 'readable');
  // The end of either is that of both; whoever reads from the last one is told why.
  pipeline(source, last, () => {});
  return last;
}
