import { readFileSync } from 'node:fs';

/**
 * The call in which a process sleeps, as /proc/PID/syscall has it; '' while it runs. One that is just being woken (TASK_WAKING)
 * still shows its call there, but has handled nothing of what woke it: it is no sleeper in its status any more.
 */
export function sleepingCall(pid: number): string {
  // After its name, which may hold anything.
  const status = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '');
  return status.startsWith(' S ') ? readFileSync(`/proc/${pid}/syscall`, 'utf8').trim() : '';
}
