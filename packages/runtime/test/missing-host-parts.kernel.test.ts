import { findCgroupHost } from '@hatchery/cgroup';
import { describe, expect, test } from 'vitest';
import { ended, startProgram } from './run-program.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();

interface Told {
  readonly code: string | null;
  readonly step: string | null;
  readonly text: string;
  readonly left: Record<string, string[]>;
  readonly leftByClose: Record<string, string[]>;
}

/** A create by a process in a mount namespace of its own, in which `change` was done to the host's mounts. */
async function createWithout(change: string, spec: object): Promise<Told> {
  const args = [place.runDirectory, place.dataDirectory, place.instance, JSON.stringify(spec)];
  const wrapper = ['unshare', '--mount', 'sh', '-c', `${change} && exec "$@"`, 'sh'];
  const { code, output } = await ended(
    startProgram(new URL('./programs/create-once.ts', import.meta.url), args, wrapper),
  );
  expect(code).toBe(0);
  return JSON.parse(output) as Told;
}

function expectNothingLeft({ left, leftByClose }: Told): void {
  expect(
    Object.values(left)
      .flat()
      .filter((line) => !/^7[0-9a-f]{3}0000$/.test(line)),
  ).toEqual([]);
  expect(Object.values(leftByClose).flat()).toEqual([]);
}

const host = findCgroupHost();
const v1 = [...host.controllers].filter(([, { version }]) => version === 1);

describe('on a host that lacks a part', () => {
  for (const [controller, { mount }] of v1) {
    // Mutation: setLimits() does without whatever bestEffort is.
    test(`inv-47: without the ${controller} controller a create is refused, and with bestEffort it is made`, async () => {
      const refused = await createWithout(`umount ${mount}`, {});
      expect(refused).toMatchObject({ code: 'ERR_LIMIT_UNENFORCEABLE', step: 'set the limits' });
      expect(refused.text).toContain(controller);
      expectNothingLeft(refused);
      const made = await createWithout(`umount ${mount}`, { limits: { bestEffort: true } });
      expect(made).toMatchObject({ code: null, text: 'works\n' });
      expectNothingLeft(made);
    });
  }
  test('inv-47: without its cgroup v2 mount a host is refused by name', async (context) => {
    if (v1.length > 0) context.skip('a hybrid host, where each v1 controller is tested above');
    const refused = await createWithout(`mount -t tmpfs none ${host.unifiedMount}`, {});
    expect(refused.code).toBe('ERR_HOST_UNSUPPORTED');
  });

  test('inv-41: a create that finds no id range undoes what came before and names the step', async () => {
    const change = 'mkdir -p /run/hatchery-ids && mount -t tmpfs -o ro none /run/hatchery-ids';
    const refused = await createWithout(change, {});
    expect(refused).toMatchObject({ code: 'ERR_RESOURCES', step: 'lease-ids' });
    expectNothingLeft(refused);
  });
});
