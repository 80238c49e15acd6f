import { native } from './native-binding.ts';

/** A pipe (pipe2(2)): blocking, close-on-exec, both ends owned by this thread. Throws `LinuxError` (EMFILE, ENFILE). */
export function makePipe(): [readEnd: number, writeEnd: number] {
  return native().makePipe();
}
