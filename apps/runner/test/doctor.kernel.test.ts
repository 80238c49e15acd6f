import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hatchery } from './hatchery.ts';

interface Finding {
  name: string;
  ok: boolean;
  detail: string;
  needed: boolean;
  cost: string | null;
  remedy: string | null;
}

const examine = async (uid?: number): Promise<{ code: number | null; findings: Finding[] }> => {
  const { code, stdout, stderr } = await hatchery(['doctor', '--json'], uid === undefined ? {} : { uid });
  expect(stderr).toBe('');
  return { code, findings: JSON.parse(stdout.toString()) as Finding[] };
};

describe('doctor', () => {
  it('finds that this host can run sandboxes, by running one', async () => {
    const { code, findings } = await examine();
    expect(findings.filter(({ ok, needed }) => needed && !ok)).toEqual([]);
    expect(findings.find(({ name }) => name === 'sandbox')).toMatchObject({ ok: true, needed: true });
    expect(code).toBe(0);
  });

  it('tells a user without rights what is missing, what that costs and how to get it, and exits with 1', async () => {
    const { code, findings } = await examine(65_534);
    expect(code).toBe(1);
    const capabilities = findings.find(({ name }) => name === 'capabilities');
    expect(capabilities).toMatchObject({ ok: false, needed: true, detail: expect.stringContaining('CAP_SYS_ADMIN') });
    for (const finding of findings.filter(({ ok }) => !ok)) {
      expect(finding.cost).toEqual(expect.any(String));
      expect(finding.remedy).toEqual(expect.any(String));
    }
  });

  it('tells how many directories clients can watch, and what to raise for more', async () => {
    const { findings } = await examine();
    const instances = Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'utf8'));
    const finding = findings.find(({ name }) => name === 'inotify-instances');
    expect(finding).toMatchObject({ ok: instances >= 1024, needed: false });
    if (instances < 1024) expect(finding?.cost).toContain(`${Math.floor(instances / 2)} directories`);
  });

  it('prints a plain table into a pipe, one line a check, and the verdict last', async () => {
    const { stdout } = await hatchery(['doctor']);
    const text = stdout.toString();
    expect(text).not.toContain('\u001b');
    expect(text).toMatch(/^ok {4}node +v\d+/);
    expect(text).toMatch(/\nThis host can run sandboxes\.\n$/);
  });
});

describe('run without rights', () => {
  it('says in one line what is missing and what to do, and exits with 125', async () => {
    const { code, stdout, stderr } = await hatchery(['run', 'true'], { uid: 65_534 });
    expect([code, stdout.toString()]).toEqual([125, '']);
    expect(stderr).toMatch(/^hatchery: \[ERR_[A-Z_]+\] .*root.*\n$/);
  });
});
