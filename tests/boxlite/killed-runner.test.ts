import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startServe } from '../e2b/use-serve.ts';
import { connectTo, shell } from './client.ts';

it('a runner that is killed and started again has its boxes, running and stopped, with files, volumes and programs', {
  timeout: 120_000,
}, async () => {
  let serve = await startServe();
  const { directory, key, url } = serve;
  const { port } = new URL(url);
  let isLast = false;
  onTestFinished(async () => {
    await serve.stop();
    // A test that ended before it left boxes, which the next one takes over and ends.
    if (!isLast) await (await startServe({ args: ['--on-exit', 'destroy'], given: { directory, key } })).stop();
    rmSync(directory, { recursive: true });
  });
  // The same client goes on afterwards: it holds no connection that it could not make anew.
  const runtime = connectTo({ url, key });
  const { id: volume } = await runtime.volumes.create('kept');
  const volumes = [{ managedVolume: 'kept', guestPath: '/data' }];
  const box = await runtime.create({ image: 'base', volumes }, 'by-name');
  const stopped = await runtime.create({ image: 'base', autoResume: false });
  await shell(box, 'echo in the box > file; echo in the volume > /data/file; sleep 4321 >/dev/null 2>&1 & true');
  await shell(stopped, 'echo of the stopped > file');
  await stopped.stop();
  await serve.stop('SIGKILL');
  await expect(box.info()).rejects.toThrow();

  serve = await startServe({ args: ['--port', port, '--on-exit', 'destroy'], given: { directory, key } });
  isLast = true;
  const listed = new Map((await runtime.listInfo()).map((info) => [info.id, info]));
  expect(listed.get(box.id)).toMatchObject({ name: 'by-name', state: { status: 'running' }, image: 'base' });
  expect(listed.get(stopped.id)).toMatchObject({ state: { status: 'stopped' }, autoResume: false });
  expect(await shell(box, 'cat file /data/file; cat /proc/[0-9]*/comm | grep -c sleep')).toBe(
    'in the box\nin the volume\n1\n',
  );
  await stopped.start();
  expect(await shell(stopped, 'cat file')).toBe('of the stopped\n');
  // In use still, and found by its name.
  await expect(runtime.volumes.remove(volume)).rejects.toThrow(/in use by/);
  writeFileSync(join(directory, 'to-copy'), 'copied');
  await box.copyIn(join(directory, 'to-copy'), '/data/copied');
  await box.copyOut('/data/copied', join(directory, 'came-back'));
  expect(readFileSync(join(directory, 'came-back'), 'utf8')).toBe('copied');
});
