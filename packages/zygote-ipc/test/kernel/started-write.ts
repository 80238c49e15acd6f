import { write } from 'node:fs';
import { promisify } from 'node:util';
import { closeFd, currentDirectory, makePipe, OpenFlag, openat2, openPidfd } from '@hatchery/linux';
import type { InitConnection, InitRequestOptions, WrittenMessage } from '../../src/index.ts';
import { pidsIn } from './pids-in.ts';
import type { SandboxFixture, TestSandbox } from './sandbox-fixture.ts';

const writeSome = promisify(write);

/** A file of the sandbox, made and opened for writing from outside; closed with the test. */
export function targetIn(fixture: SandboxFixture, sandbox: TestSandbox, name: string, flags = 0): number {
  const how = { flags: OpenFlag.O_WRONLY | OpenFlag.O_CREAT | flags, mode: 0o644 };
  return fixture.own(openat2(currentDirectory, `/proc/${sandbox.pid}/root/${name}`, how));
}

/** A write that has been asked for, and the end of the pipe that feeds it. */
export class StartedWrite {
  readonly done: Promise<WrittenMessage>;
  readonly input: number;
  #closed = false;

  constructor(init: InitConnection, target: number, options: InitRequestOptions = {}) {
    const [source, input] = makePipe();
    this.input = input;
    this.done = init.write({ source, target }, options);
    this.done.catch(() => {}); // of those that a test does not look at
    closeFd(source);
  }

  /** Blocks no thread of this one; rejects with EPIPE when nobody reads any more. */
  async put(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) at += (await writeSome(this.input, bytes, at)).bytesWritten;
  }

  /** End of file. */
  end(): Promise<WrittenMessage> {
    this[Symbol.dispose]();
    return this.done;
  }

  [Symbol.dispose](): void {
    if (!this.#closed) closeFd(this.input);
    this.#closed = true;
  }
}

/** The children that init has for its writes, as the host sees them, with a pidfd that is closed with the test. */
export function writersOf(fixture: SandboxFixture, sandbox: TestSandbox): { pid: number; pidfd: number }[] {
  return pidsIn(`${sandbox.cgroup}/init`)
    .filter((pid) => pid !== sandbox.pid)
    .map((pid) => ({ pid, pidfd: fixture.own(openPidfd(pid)) }));
}
