import { finished, type Readable } from 'node:stream';
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';
import { EnvdError } from '../envd-error.ts';

/** One file of a form. Its content must be read, or destroyed, before the next one comes. */
export interface FormFile {
  /** As the sender has it, directories and all; null: none. */
  readonly filename: string | null;
  readonly content: Readable;
}

/** Beyond, a form is no list of files any more. */
const limits = { parts: 10_000, fieldSize: 64 * 1024, fields: 100, headerPairs: 64, headerSize: 16 * 1024 };
/** Of a part that has the name of a file. */
const fieldName = 'file';

/**
 * The files of a form, `multipart/form-data`, in their order and as fast as they are read. Parts of other names are passed
 * over. Leaving the loop destroys the source. Throws EnvdError 400 for what is no form, and the source's own error.
 */
export async function* multipartFiles(source: Readable, contentType: string): AsyncGenerator<FormFile, void, void> {
  const form = new Form(source, contentType);
  try {
    for (let file = await form.next(); file !== null; file = await form.next()) {
      yield file;
      // What was not read is not wanted; until it is out of the way nothing behind it is seen.
      file.content.resume();
    }
  } finally {
    form.close();
  }
}

class Form {
  readonly #source: Readable;
  readonly #parser: BusboyInstance;
  /** What the parser has found in the chunk that it is at. */
  readonly #waiting: FormFile[] = [];
  readonly #open = new Set<Readable>();
  #ended = false;
  #failure: Error | null = null;
  #wake: () => void = () => {};

  constructor(source: Readable, contentType: string) {
    this.#source = source;
    this.#parser = parserOf(contentType);
    this.#parser
      .on('file', (_name, content, filename: string | undefined) => this.#add(content, filename ?? null))
      .on('field', () => {})
      .on('partsLimit', () => this.#fail(new EnvdError(400, `a form of more than ${limits.parts} parts`)))
      .on('fieldsLimit', () => this.#fail(new EnvdError(400, `a form of more than ${limits.fields} fields`)))
      .on('error', (error: unknown) => this.#fail(refusal(error)))
      .on('finish', () => this.#end());
    finished(source, { writable: false }, (error) => {
      if (error) this.#fail(error);
    });
    source.pipe(this.#parser);
  }

  async next(): Promise<FormFile | null> {
    for (;;) {
      const file = this.#waiting.shift();
      if (file !== undefined) return file;
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#fail(new Error('the form is read no more'));
    this.#source.unpipe(this.#parser);
    this.#source.destroy();
  }

  #add(content: BusboyFileStream, filename: string | null): void {
    // The parser tells it by an event alone, which only who reads at that moment would hear.
    content.on('error', (error: Error) => this.#fail(refusal(error)));
    content.once('close', () => this.#open.delete(content));
    this.#open.add(content);
    this.#waiting.push({ filename, content });
    this.#wake();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The first reason counts; whoever reads one of its files is told, too. */
  #fail(error: Error): void {
    this.#failure ??= error;
    for (const content of this.#open) content.destroy(this.#failure);
    this.#wake();
  }
}

function parserOf(contentType: string): BusboyInstance {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      preservePath: true,
      limits,
      // A file's part is one by its name: clients leave the file's name out where the query has the path.
      isPartAFile: (name) => name === fieldName,
    });
  } catch (error) {
    throw refusal(error);
  }
}

function refusal(error: unknown): Error {
  if (error instanceof EnvdError) return error;
  return new EnvdError(400, `error reading form: ${error instanceof Error ? error.message : String(error)}`);
}
