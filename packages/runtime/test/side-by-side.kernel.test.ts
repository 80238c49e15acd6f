import { describe, expect, test } from 'vitest';
import { Runtime } from '../src/index.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';
import { shell } from './shell.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();
const eight = Array.from({ length: 8 }, (_, index) => index);

describe('runtimes side by side', () => {
  // Mutation: private instances all get the name `private-x`.
  test('eight in one process make and destroy sandboxes of the same ids at once, and closing one ends only its own', async () => {
    const { runDirectory, dataDirectory } = place;
    const runtimes = await Promise.all(eight.map(() => Runtime.open({ runDirectory, dataDirectory })));
    for (let round = 0; round < 5; round++) {
      const sandboxes = await Promise.all(runtimes.map((runtime) => runtime.create({ id: 'same' })));
      const said = await Promise.all(
        sandboxes.map((sandbox, index) => shell(sandbox, `echo ${index} >/tmp/mine; cat /tmp/mine`)),
      );
      expect(said).toEqual(eight.map(String));
      if (round < 4) await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
    }
    for (const [index, runtime] of runtimes.entries()) {
      await runtime.close();
      const others = runtimes.slice(index + 1).map((other) => other.get('same'));
      for (const sandbox of others) expect(sandbox?.state).toBe('running');
      for (const sandbox of others)
        if (sandbox !== undefined) expect(await shell(sandbox, 'cat /tmp/mine')).toMatch(/^\d$/);
    }
    await place.expectNoLeaks();
  });

  // Mutation: sweepAbandoned takes an instance whose lock it could not get.
  test('eight in eight processes do not disturb each other, while a ninth opens and sweeps all the time', async () => {
    const { runDirectory, dataDirectory } = place;
    const children = eight.map(() =>
      ended(
        startProgram(new URL('./programs/make-and-destroy.ts', import.meta.url), [runDirectory, dataDirectory, '10']),
      ),
    );
    const sweeping = { goesOn: true };
    const sweeper = (async (): Promise<void> => {
      while (sweeping.goesOn) await (await Runtime.open({ runDirectory, dataDirectory })).close();
    })();
    const results = await Promise.all(children);
    sweeping.goesOn = false;
    await sweeper;
    expect(results).toEqual(eight.map(() => ({ code: 0, signal: null, output: 'good\n'.repeat(10) })));
    await place.expectNoLeaks();
  });

  // Mutation: lockInstance takes the lock in shared mode.
  test('the second owner of a named instance is refused with the first one’s pid, in this process and in another', async () => {
    const { runDirectory, dataDirectory, instance } = place;
    const runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
    const sandbox = await runtime.create();
    const second = Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
    await expect(second).rejects.toMatchObject({
      code: 'ERR_INSTANCE_LOCKED',
      message: expect.stringContaining(String(process.pid)),
    });
    expect(await shell(sandbox, 'echo here')).toBe('here');
    await runtime.close();
    const child = startProgram(new URL('./programs/own-sandboxes.ts', import.meta.url), [
      runDirectory,
      dataDirectory,
      '1',
      instance,
    ]);
    const end = ended(child);
    expect(await nextLine(linesOf(child))).toBe('ready');
    const third = Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
    await expect(third).rejects.toMatchObject({
      code: 'ERR_INSTANCE_LOCKED',
      message: expect.stringContaining(String(child.pid)),
    });
    child.stdin?.end();
    expect(await end).toMatchObject({ code: 0 });
    await (await Runtime.open({ pool: false, runDirectory, dataDirectory, instance })).close();
    await place.expectNoLeaks();
  });
});
