import { expect } from 'vitest';
import { shell } from '../client.ts';
import type { Row } from '../row.ts';

/** One box from its start to its stop. */
export const boxRows: readonly Row[] = [
  {
    method: 'JsBox#info',
    claim: 'what it was made with, and what it is now',
    async run({ fresh }) {
      const box = await fresh({ image: 'base', autoStop: 120, autoResume: false });
      expect(await box.info()).toMatchObject({
        id: box.id,
        autoStop: 120,
        autoResume: false,
        state: { status: 'running' },
      });
    },
  },
  {
    method: 'JsBox#stop',
    claim: 'ends its programs, and stopping it twice is fine',
    async run({ fresh }) {
      const box = await fresh({ image: 'base', autoResume: false });
      await box.stop();
      await box.stop();
      expect((await box.info()).state).toMatchObject({ status: 'stopped', running: false });
      await expect(box.exec('true')).rejects.toThrow(/stopped/);
    },
  },
  {
    method: 'JsBox#start',
    claim: 'what was on its disk is there again',
    async run({ fresh }) {
      const box = await fresh();
      await shell(box, 'echo kept > /home/user/file; echo gone > /dev/shm/file');
      await box.stop();
      await box.start();
      expect((await box.info()).state.running).toBe(true);
      expect(await shell(box, 'cat /home/user/file; ls /dev/shm')).toBe('kept\n');
    },
  },
  {
    method: 'JsBox#metrics',
    claim: 'its commands, what they were given and gave, its memory and its processor time',
    async run({ fresh }) {
      const box = await fresh();
      const before = await box.metrics();
      expect(before).toMatchObject({ commandsExecutedTotal: 0, execErrorsTotal: 0 });
      await shell(box, 'head -c 100000 /dev/zero');
      const execution = await box.exec('cat');
      const stdin = await execution.stdin();
      await stdin.writeString('to cat');
      await stdin.close();
      await execution.wait();
      await expect(box.exec('no-such-program')).rejects.toThrow();
      const after = await box.metrics();
      expect(after).toMatchObject({ commandsExecutedTotal: 2, execErrorsTotal: 1, bytesSentTotal: 6 });
      expect(after.bytesReceivedTotal).toBe(100_006);
      expect(after.memoryBytes).toBeGreaterThan(0);
      expect(after.cpuPercent).toBeGreaterThanOrEqual(0);
      expect(after.totalCreateDurationMs).toBeGreaterThanOrEqual(0);
      // What is not counted is not told.
      expect(after.networkBytesSent).toBeUndefined();
    },
  },
  {
    method: 'JsBox#cloneBox',
    claim: 'as its user calls it',
    refusal: 'clone',
    async run({ box }) {
      await box.cloneBox(null, 'a-clone');
    },
  },
  {
    method: 'JsBox#export',
    claim: 'as its user calls it',
    refusal: 'export',
    async run({ box, directory }) {
      await box.export(`${directory}/exported.tar`);
    },
  },
  ...(['create', 'get', 'remove', 'restore'] as const).map(
    (call): Row => ({
      method: `JsSnapshotHandle#${call}`,
      claim: 'as its user calls it',
      refusal: 'snapshots',
      async run({ box }) {
        await box.snapshot[call]('a-snapshot');
      },
    }),
  ),
  {
    method: 'JsSnapshotHandle#list',
    claim: 'as its user calls it',
    refusal: 'snapshots',
    async run({ box }) {
      await box.snapshot.list();
    },
  },
];
