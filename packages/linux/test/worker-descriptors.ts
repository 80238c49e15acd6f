// Run as a worker: holds live channels, watches and pipes, says so, and never ends by itself unless told to.
import { parentPort, workerData } from 'node:worker_threads';
import {
  closeFd,
  createSealedMemfd,
  Inotify,
  makePipe,
  openPidfd,
  SeqpacketChannel,
  seqpacketPair,
  watchReadable,
} from '../src/index.ts';

const [left, right] = seqpacketPair();
const echo = new SeqpacketChannel(right, {
  maxBytes: 1000,
  maxFds: 2,
  onMessage: ({ data, fds }) => {
    echo.send(data, fds);
    for (const fd of fds) closeFd(fd);
  },
  onClose() {},
});
const channel = new SeqpacketChannel(left, {
  maxBytes: 1000,
  maxFds: 2,
  onMessage({ data }) {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
    parentPort?.postMessage(data.toString());
    if (workerData === 'busy') channel.send(data);
    // The descriptors that came with it are left to the end of the thread.
  },
  onClose() {},
});
const [readEnd] = makePipe();
watchReadable(readEnd, () => {});
new Inotify(() => {}).start();
watchReadable(openPidfd(process.pid), () => {});
createSealedMemfd('kept', Buffer.from('bytes'));
// More than fits: the rest waits in the queue with its duplicates.
const [full] = seqpacketPair();
const stuck = new SeqpacketChannel(full, { maxBytes: 1000, maxFds: 2, onMessage() {}, onClose() {} });
while (stuck.send(Buffer.alloc(900), [readEnd])) continue;
channel.send(Buffer.from('ready'), [readEnd]);
if (workerData === 'exit') parentPort?.once('message', () => process.exit(0));
