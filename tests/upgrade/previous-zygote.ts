import { closeSync, openSync } from 'node:fs';
import type { CgroupBase } from '@hatchery/cgroup';
import { closeFd, reap, seqpacketPair, spawnIsolated, watchReadable } from '@hatchery/linux';
import {
  noPreviousShim,
  previousVersions,
  unpackPreviousShim,
} from '../../packages/zygote-ipc/test/kernel/previous-shim.ts';
import { RawPeer } from '../../packages/zygote-ipc/test/kernel/raw-peer.ts';
import { goldenEncode } from '../../packages/zygote-ipc/test/wire/golden-encode.ts';

export { noPreviousShim, previousVersions };

/** Resolves when the descriptor, of a process, says that it has ended. */
export function readable(fd: number): Promise<void> {
  return new Promise((resolve) => {
    watchReadable(fd, resolve);
  });
}

/** A zygote of an earlier wire version, as the build of that version ran it. */
export class PreviousZygote {
  readonly #version: number;
  readonly #peer: RawPeer<'zygote-to-runtime'>;
  readonly #pidfd: number;
  readonly #leaf: number;
  #requests = 1;

  private constructor(version: number, peer: RawPeer<'zygote-to-runtime'>, pidfd: number, leaf: number) {
    this.#version = version;
    this.#peer = peer;
    this.#pidfd = pidfd;
    this.#leaf = leaf;
  }

  /** @param directory for the program */
  static async start(version: number, cgroups: CgroupBase, directory: string): Promise<PreviousZygote> {
    const [ours, theirs] = seqpacketPair();
    const executableFd = openSync(unpackPreviousShim(directory, version), 'r');
    const nothing = openSync('/dev/null', 'r+');
    const leaf = cgroups.openLeaf('zygote');
    const fds = [nothing, nothing, nothing, theirs];
    const { pidfd } = spawnIsolated({ executableFd, argv: ['hatchery-shim', 'zygote'], fds, cgroupFd: leaf });
    closeFd(theirs);
    for (const fd of [executableFd, nothing]) closeSync(fd);
    const zygote = new PreviousZygote(version, new RawPeer(ours, 'zygote-to-runtime', version), pidfd, leaf);
    zygote.#peer.tell('configure', 1, { probes: 0, ...cgroups.directories });
    await zygote.#peer.expect('configured');
    return zygote;
  }

  /** Sends its version's `make`; resolves with the pid of init. Descriptors stay the caller's. */
  async make(request: Readonly<Record<string, unknown>>): Promise<number> {
    const { data, fds } = goldenEncode(this.#version, 'make', ++this.#requests, request);
    this.#peer.send(data, fds);
    return (await this.#peer.expect('made')).message.pid;
  }

  async end(): Promise<void> {
    this.#peer[Symbol.dispose]();
    await readable(this.#pidfd);
    reap(this.#pidfd);
    closeFd(this.#pidfd);
    closeSync(this.#leaf);
  }
}
