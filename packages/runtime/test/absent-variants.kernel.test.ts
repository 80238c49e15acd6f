import { describe, expect, test } from 'vitest';
import { Runtime } from '../src/index.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

describe('what this version does not have fails at once with its name', () => {
  for (const image of ['alpine', 'docker://alpine', 'Host']) {
    test(`inv-59: the image ${image} is refused with its name`, async () => {
      const error: unknown = await used.runtime.create({ image }).catch((error: unknown) => error);
      expect(error).toMatchObject({
        code: expect.stringMatching(/^ERR_(SPEC_INVALID|IMAGE_UNSUPPORTED)$/),
        message: expect.stringContaining(image),
      });
    });
  }

  // Mutation: `durable: true` in a private instance is ignored.
  test('inv-59: a durable execution in an instance that nobody comes back to', async () => {
    const { runDirectory, dataDirectory } = used.place;
    await using runtime = await Runtime.open({ runDirectory, dataDirectory });
    await using sandbox = await runtime.create();
    await expect(sandbox.exec(['true'], { durable: true })).rejects.toMatchObject({
      code: 'ERR_NOT_SUPPORTED',
      message: expect.stringContaining('durable'),
    });
    expect(sandbox.executions()).toEqual([]);
  });

  test('inv-59: open with workers that are none', async () => {
    const { runDirectory } = used.place;
    // @ts-expect-error what a caller without types may give
    await expect(Runtime.open({ runDirectory, workers: {} })).rejects.toMatchObject({
      code: 'ERR_SPEC_INVALID',
      message: expect.stringContaining('workers'),
    });
  });
});
