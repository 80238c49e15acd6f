import { decodeWaitStatus, type ExitMessage } from '@hatchery/zygote-ipc';
import type { ExitStatus } from '../types.ts';

/** How an execution ended, of what init told. `reasonOf` is asked with the signal that ended it, null for an exit. */
export function exitStatusOf(
  exit: ExitMessage,
  reasonOf: (signal: NodeJS.Signals | null) => ExitStatus['reason'],
): ExitStatus {
  const { exitCode, signal } = decodeWaitStatus(exit.waitStatus);
  const usage = {
    userMs: exit.userMicroseconds / 1000,
    systemMs: exit.systemMicroseconds / 1000,
    maxRssBytes: exit.maxRssKilobytes * 1024,
  };
  return { exitCode, signal, reason: reasonOf(signal), usage };
}
