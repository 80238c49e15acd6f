import { changeOwner, closeFd, makePipe } from '@hatchery/linux';

/** The pipes of one execution: of each, the end that is read and the end that is written. */
export interface Pipes {
  readonly stdin: readonly [number, number] | null;
  readonly stdout: readonly [number, number];
  readonly stderr: readonly [number, number];
}

/** The ends belong to the user the command runs as, so that it can reopen them (`> /dev/stdout`). Throws `LinuxError`. */
export function openPipes(withStdin: boolean, uid: number, gid: number): Pipes {
  const opened: number[] = [];
  const open = (): readonly [number, number] => {
    const pipe = makePipe();
    opened.push(...pipe);
    changeOwner(pipe[0], uid, gid);
    return pipe;
  };
  try {
    return { stdin: withStdin ? open() : null, stdout: open(), stderr: open() };
  } catch (error) {
    for (const fd of opened) closeFd(fd);
    throw error;
  }
}
