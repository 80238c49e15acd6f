import { Readable } from 'node:stream';
import type { ChrootEntry } from '@hatchery/blocking-io';
import type { RuntimeContext } from '../context.ts';
import type { CallOptions } from '../types.ts';
import { checkFilePath } from './check-path.ts';
import { type FileCall, FileCalls, type FilesOwner } from './file-calls.ts';
import { fileEntryOf } from './file-entry.ts';
import {
  checkAttributeName,
  checkAttributeValue,
  checkContent,
  checkSource,
  compileArchive,
  compileCall,
  compileExtract,
  compileList,
  compileMake,
  compileRange,
  compileRead,
  compileResolve,
  compileStat,
  compileWatch,
  compileWrite,
} from './file-options.ts';
import { fromSource } from './from-source.ts';
import { listAll } from './list-all.ts';
import { LiveWatch } from './live-watch.ts';
import type {
  ExtractResult,
  FileArchiveOptions,
  FileEntry,
  FileExtractOptions,
  FileListOptions,
  FileMakeOptions,
  FileRange,
  FileReadOptions,
  FileResolveOptions,
  FileStatOptions,
  FileWatch,
  FileWatchOptions,
  FileWriteOptions,
  SandboxFiles,
} from './types.ts';

/** The files of one sandbox, through all of its lifecycles. Arguments are checked before anything else is asked. */
export class LiveFiles implements SandboxFiles {
  readonly #calls: FileCalls;

  constructor(context: RuntimeContext, owner: FilesOwner) {
    this.#calls = new FileCalls(context, owner);
  }

  async resolve(path: string, options?: FileResolveOptions): Promise<string> {
    const { user, signal } = compileResolve(options);
    const call = callOn('resolve', path, signal, user);
    const reached = this.#calls.reach(call);
    try {
      return reached.place.resolve(path);
    } catch (error) {
      throw this.#calls.explain(call, reached, error);
    }
  }

  async read(path: string, options?: FileReadOptions): Promise<Buffer> {
    const { offset, length, maxBytes, signal } = compileRead(options);
    const range = { offset, maxBytes, ...(length === null ? {} : { length }) };
    return await this.#calls.run(callOn('read', path, signal), (chroot, { place, stop }) =>
      chroot.read(place.absolute(path), { ...range, signal: stop }),
    );
  }

  readStream(path: string, options?: FileRange): Readable {
    const { offset, length, signal } = compileRange(options);
    const range = { offset, ...(length === null ? {} : { length }) };
    return this.#calls.stream(callOn('read', path, signal), (chroot, { place }, end) =>
      chroot.readStream(place.absolute(path), { ...range, signal: end }),
    );
  }

  async write(path: string, data: Uint8Array | string | Readable, options?: FileWriteOptions): Promise<FileEntry> {
    const { mode, user, signal, ...how } = compileWrite(options);
    const call = callOn('write', path, signal, user);
    const content = checkContent(data);
    const write = (): Promise<ChrootEntry> =>
      this.#calls.run(call, (chroot, { place, stop }) => {
        const made = { owner: place.owner, ...how, ...(mode === null ? {} : { mode }) };
        return chroot.write(place.absolute(path), content, { ...made, signal: stop });
      });
    return fileEntryOf(await (content instanceof Readable ? fromSource(content, write) : write()));
  }

  async stat(path: string, options?: FileStatOptions): Promise<FileEntry> {
    const { details, signal } = compileStat(options);
    return await this.#calls.run(callOn('stat', path, signal), async (chroot, { place, stop }) => {
      const how = { signal: stop, ...(details === null ? {} : { details }) };
      return fileEntryOf(await chroot.stat(place.absolute(path), how), place.accounts());
    });
  }

  async exists(path: string, options?: CallOptions): Promise<boolean> {
    const call = callOn('exists', path, compileCall(options));
    return await this.#calls.run(call, (chroot, { place, stop }) =>
      chroot.exists(place.absolute(path), { signal: stop }),
    );
  }

  async list(path: string, options?: FileListOptions): Promise<FileEntry[]> {
    const { signal, ...page } = compileList(options);
    return await this.#calls.run(callOn('list', path, signal), async (chroot, { place, stop }) => {
      const entries = await listAll(chroot, place.absolute(path), page, stop);
      const accounts = place.accounts();
      return entries.map((entry) => fileEntryOf(entry, accounts));
    });
  }

  async makeDirectory(path: string, options?: FileMakeOptions): Promise<FileEntry> {
    const { mode, user, signal } = compileMake(options);
    const call = callOn('makeDirectory', path, signal, user);
    const entry = await this.#calls.run(call, (chroot, { place, stop }) => {
      const made = { owner: place.owner, ...(mode === null ? {} : { mode }) };
      return chroot.makeDirectory(place.absolute(path), { ...made, signal: stop });
    });
    return fileEntryOf(entry);
  }

  async rename(from: string, to: string, options?: CallOptions): Promise<FileEntry> {
    const call = callOn('rename', from, compileCall(options));
    checkFilePath('to', to);
    const entry = await this.#calls.run(call, (chroot, { place, stop }) =>
      chroot.rename(place.absolute(from), place.absolute(to), { signal: stop }),
    );
    return fileEntryOf(entry);
  }

  async remove(path: string, options?: CallOptions): Promise<void> {
    const call = callOn('remove', path, compileCall(options));
    await this.#calls.run(call, (chroot, { place, stop }) => chroot.remove(place.absolute(path), { signal: stop }));
  }

  async attributes(path: string, options?: CallOptions): Promise<Record<string, Uint8Array>> {
    const call = callOn('attributes', path, compileCall(options));
    return await this.#calls.run(call, (chroot, { place, stop }) =>
      chroot.attributes(place.absolute(path), { signal: stop }),
    );
  }

  async setAttribute(path: string, name: string, value: Uint8Array | null, options?: CallOptions): Promise<void> {
    const call = callOn('setAttribute', path, compileCall(options));
    checkAttributeName(name);
    checkAttributeValue(value);
    await this.#calls.run(call, (chroot, { place, stop }) =>
      chroot.setAttribute(place.absolute(path), name, value, { signal: stop }),
    );
  }

  watch(path: string, options?: FileWatchOptions): FileWatch {
    const { recursive, signal } = compileWatch(options);
    return new LiveWatch(this.#calls, callOn('watch', path, signal), recursive);
  }

  archive(path: string, options?: FileArchiveOptions): Readable {
    const { signal, ...how } = compileArchive(options);
    const call = callOn('archive', path, signal);
    return this.#calls.stream(call, (chroot, { place }, end) =>
      chroot.pack(place.absolute(path), { ...how, signal: end }),
    );
  }

  async extract(path: string, source: Readable, options?: FileExtractOptions): Promise<ExtractResult> {
    const { user, keepOwners, signal, ...how } = compileExtract(options);
    const call = callOn('extract', path, signal, user);
    checkSource('source', source);
    return await fromSource(source, () =>
      this.#calls.run(call, async (chroot, { place, stop }) => {
        const to = place.absolute(path);
        const { owner } = place;
        await chroot.makeDirectory(to, { owner, signal: stop });
        return await chroot.unpack(to, source, { ...how, ...(keepOwners ? {} : { owner }), signal: stop });
      }),
    );
  }
}

function callOn(verb: string, path: string, signal: AbortSignal | undefined, user: string | null = null): FileCall {
  return { verb, path: checkFilePath(verb === 'rename' ? 'from' : 'path', path), user, signal };
}
