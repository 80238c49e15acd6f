import { closeFd } from '@hatchery/linux';

/** A descriptor of this thread that is closed with the block that declares it. */
export class OpenFd implements Disposable {
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  [Symbol.dispose](): void {
    closeFd(this.fd);
  }
}
