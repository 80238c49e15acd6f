import { constants } from 'node:os';
import type { FileWriter } from '@hatchery/blocking-io';
import { closeFd, LinuxError, makePipe } from '@hatchery/linux';
import { type InitConnection, maxWrites, ShimError } from '@hatchery/zygote-ipc';
import { HatcheryError } from '../errors.ts';
import { InFlight } from '../in-flight.ts';
import type { Lifecycle } from '../sandbox/lifecycle.ts';

/** The end of a pipe to fill, and how many bytes of it are in the file. */
type Begun = Awaited<ReturnType<FileWriter>>;

/**
 * Has the content of files written by children of the sandbox's init, so that it counts against the sandbox. More than an
 * init has under way wait for their turn. Rejects with ERR_NOT_SUPPORTED for an init of an earlier wire; `done` rejects
 * with LinuxError (what the file did not take, and how much it did), ShimError and ChannelClosedError. All of it is over
 * when the sandbox is: its init's connection ends, and with it whoever waits.
 */
export function sandboxWriter(lifecycle: Lifecycle): FileWriter {
  const turns = new InFlight(maxWrites);
  return (target) =>
    new Promise((resolve, reject) => {
      const write = async (): Promise<void> => {
        const begun = begin(lifecycle, await lifecycle.mended(), target);
        resolve(begun);
        await begun.done;
      };
      // What became of `done` is for him who has it: without effect once it is resolved.
      turns.run(write).catch(reject);
    });
}

function begin({ record, oomKills }: Lifecycle, connection: InitConnection, target: number): Begun {
  if (!connection.writesFiles)
    throw new HatcheryError(
      'ERR_NOT_SUPPORTED',
      `content of more than 64 KiB for sandbox ${record.id}: its init is of wire version ${record.wireVersion}, which writes no files; append pieces of at most 64 KiB, or make the sandbox anew`,
    );
  const [source, pipe] = makePipe();
  const killsBefore = oomKills.count();
  const done = connection.write({ source, target }).then(
    ({ bytes, errno }) => {
      if (errno !== 0) throw new LinuxError('write', errno, `content, ${bytes} bytes of which are in the file`);
      return bytes;
    },
    (error: unknown) => {
      // A kill for want of memory is nobody else's, and init cannot know of it.
      if (error instanceof ShimError && error.code === 'EINTR' && oomKills.take(killsBefore))
        throw new ShimError(error.step, constants.errno.ENOMEM, error.text);
      throw error;
    },
  );
  // A copy of it is on its way: with this one open the pipe would not break when nobody reads any more.
  closeFd(source);
  return { pipe, done };
}
