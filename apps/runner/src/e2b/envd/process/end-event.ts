import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ExitStatus } from '@hatchery/runtime';
import type { ProcessEvent_EndEventSchema } from '../protocol/process.generated.ts';

/** What clients compare with: the words of Go's os package. */
const words: Partial<Record<NodeJS.Signals, string>> = {
  SIGHUP: 'hangup',
  SIGINT: 'interrupt',
  SIGQUIT: 'quit',
  SIGILL: 'illegal instruction',
  SIGTRAP: 'trace/breakpoint trap',
  SIGABRT: 'aborted',
  SIGBUS: 'bus error',
  SIGFPE: 'floating point exception',
  SIGKILL: 'killed',
  SIGUSR1: 'user defined signal 1',
  SIGSEGV: 'segmentation fault',
  SIGUSR2: 'user defined signal 2',
  SIGPIPE: 'broken pipe',
  SIGALRM: 'alarm clock',
  SIGTERM: 'terminated',
};

/** How a process has ended, as clients are told. A signal's exit code is -1; whoever made the sandbox's memory run out reads why. */
export function endEventOf({
  exitCode,
  signal,
  reason,
}: ExitStatus): MessageInitShape<typeof ProcessEvent_EndEventSchema> {
  if (exitCode !== null) {
    const status = `exit status ${exitCode}`;
    return { exitCode, exited: true, status, ...(exitCode === 0 ? {} : { error: status }) };
  }
  const status = `signal: ${signal === null ? 'killed' : (words[signal] ?? signal)}`;
  const error = reason === 'out-of-memory' ? `${status} (the sandbox was out of memory)` : status;
  return { exitCode: -1, exited: false, status, error };
}

/** It went with its sandbox: nobody can ask for it. */
export function isGone({ reason }: ExitStatus): boolean {
  return reason === 'destroyed' || reason === 'lost' || reason === 'forced-close';
}
