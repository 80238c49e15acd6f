import { expect, it, vi } from 'vitest';
import { useEnvd } from './envd-server.ts';
import { stream } from './wire.ts';

const used = useEnvd();

// Mutation: the Audience writes nothing into the log.
it('what programs write is in the log of their sandbox, whether or not anybody listens', async () => {
  const hosted = await used.create();
  const start = (script: string) => ({ process: { cmd: '/bin/sh', args: ['-c', script] }, stdin: false });
  await using first = await stream(used, hosted, 'process.Process/Start', start('echo out; echo err >&2; sleep 1000'));
  await first.next();
  await using second = await stream(used, hosted, 'process.Process/Start', start('echo other'));
  await second.rest();
  const log = used.hosted.logOf(hosted);
  await vi.waitFor(
    () =>
      expect(log.lines().map(({ message, fields }) => [message, fields['stream']])).toEqual(
        expect.arrayContaining([
          ['out', 'stdout'],
          ['err', 'stderr'],
          ['other', 'stdout'],
        ]),
      ),
    { timeout: 10_000 },
  );
  expect(new Set(log.lines().map(({ fields }) => fields['pid'])).size).toBe(2);
  await hosted.sandbox.destroy();
});
