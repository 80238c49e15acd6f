import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { closeFd, makePipe } from '@hatchery/linux';
import type { FileWriter } from '../../src/index.ts';

/** Has a program write, as a sandbox would, and notes how many bytes each time. */
export function writerBy(
  command: string,
  ...options: string[]
): { readonly writer: FileWriter; readonly taken: number[] } {
  const taken: number[] = [];
  const writer: FileWriter = async (target) => {
    const [readEnd, pipe] = makePipe();
    const child = spawn(command, options, { stdio: [readEnd, target, 'ignore'] });
    const exit = once(child, 'exit');
    await once(child, 'spawn');
    closeFd(readEnd);
    const done = exit.then(([status]) => {
      if (status !== 0) throw new Error(`${command} failed with ${String(status)}`);
      const { size } = fstatSync(target);
      taken.push(size);
      return size;
    });
    return { pipe, done };
  };
  return { writer, taken };
}
