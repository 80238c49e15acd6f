import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A filesystem of its own that is frozen: whoever writes there hangs in the kernel, deaf to signals, until it is thawed. */
export class FrozenVolume implements Disposable {
  readonly directory: string;
  /** Whether every call that was to hang does. */
  hangs = false;
  readonly #image: string;

  constructor(place: string) {
    this.directory = join(place, 'frozen');
    this.#image = join(place, 'frozen.img');
    mkdirSync(this.directory);
    execFileSync('mkfs.ext4', ['-q', this.#image, '16M']);
    execFileSync('mount', ['-o', 'loop', this.#image, this.directory]);
    execFileSync('fsfreeze', ['--freeze', this.directory]);
  }

  hang(call: Promise<unknown>): void {
    this.hangs = true;
    const ended = (): void => {
      this.hangs = false;
    };
    call.then(ended, ended);
  }

  [Symbol.dispose](): void {
    execFileSync('fsfreeze', ['--unfreeze', this.directory]);
    execFileSync('umount', [this.directory]);
    rmSync(this.directory, { recursive: true });
    rmSync(this.#image);
  }
}
