import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeFd, connectSeqpacket, currentDirectory, OpenFlag, openat2, SeqpacketChannel } from '../src/index.ts';
import { compileStaticProgram } from './static-program.ts';

const program = compileStaticProgram('echo-socket');
let top: string;
let directory: string;
let directoryFd: number;

beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), 'hatchery-linux-'));
  // Longer than the 107 bytes of a socket's address.
  directory = join(top, 'd'.repeat(120));
  mkdirSync(directory);
  directoryFd = openat2(currentDirectory, directory, { flags: OpenFlag.O_PATH | OpenFlag.O_DIRECTORY });
});
afterAll(() => {
  closeFd(directoryFd);
  rmSync(top, { recursive: true });
});

test('a socket in a directory with a long path is reached, and refused once its listener is gone', async () => {
  const listener = spawn(program, [directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(listener, 'exit');
  await once(listener.stdout, 'data');
  const echo = Promise.withResolvers<string>();
  const channel = new SeqpacketChannel(connectSeqpacket(directoryFd, 'echo.sock'), {
    maxBytes: 100,
    maxFds: 0,
    onMessage: ({ data }) => echo.resolve(data.toString()),
    onClose: () => echo.reject(new Error('closed before the echo')),
  });
  channel.send(Buffer.from('hello'));
  expect(await echo.promise).toBe('hello');
  channel.close();
  await exited;
  expect(() => connectSeqpacket(directoryFd, 'echo.sock')).toThrow(expect.objectContaining({ code: 'ECONNREFUSED' }));
});

test.each(['../x', 'a/b', '', '..'])('the name %j is refused: it could lead out of the directory', (name) => {
  expect(() => connectSeqpacket(directoryFd, name)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

test('a name that does not fit is refused, never cut', () => {
  const connect = () => connectSeqpacket(directoryFd, 'n'.repeat(108));
  expect(connect).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }));
});
