// usage: swapper.ts ROOT OUTSIDE
//
// Lives in a root and exchanges the directory `d` for a symlink that leads out, there and in every hidden directory of an
// unpack, as fast as it can. Prints "swapping" once it does, and the number of exchanges when its input ends.
import { readdirSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { closeFd, currentDirectory, OpenFlag, openat2, renameEntry } from '@hatchery/linux';

const [root = '', outside = ''] = process.argv.slice(2);
let swaps = 0;
let ended = false;
process.stdin.on('data', () => {}).on('end', () => (ended = true));

function exchange(fd: number, times: number): void {
  for (let count = 0; count < times; count += 1) {
    renameEntry(fd, 'd', fd, 'evil', { exchange: true });
    swaps += 1;
  }
}

function attack(directory: string, times: number): void {
  try {
    // Relative: an absolute one would lead over a mount where the test's directory is one.
    symlinkSync(relative(directory, outside), join(directory, 'evil'));
  } catch {
    // There from before.
  }
  let fd: number;
  try {
    fd = openat2(currentDirectory, directory, { flags: OpenFlag.O_PATH | OpenFlag.O_DIRECTORY });
  } catch {
    return;
  }
  try {
    exchange(fd, times);
  } catch {
    // There is no `d` yet, or no more.
  } finally {
    closeFd(fd);
  }
}

function turn(): void {
  attack(root, 21);
  for (const name of readdirSync(root)) if (name.startsWith('.hatchery-unpack-')) attack(join(root, name), 201);
  if (ended) console.log(swaps);
  else setImmediate(turn);
}

console.log('swapping');
turn();
