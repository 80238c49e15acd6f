import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { findCgroupHost } from '@hatchery/cgroup';
import { registeredFds } from '@hatchery/linux';
import { shimPath } from '@hatchery/zygote-ipc';
import { describe, expect, it } from 'vitest';
import { checkCatalog } from '../src/doctor/check-catalog.ts';
import { diagnoseHost } from '../src/doctor/diagnose-host.ts';

const options = { runDirectory: '/run/hatchery', dataDirectory: '/var/lib/hatchery', shimPath: shimPath() };

/** What a doctor could leave behind. */
function leftovers(): string[] {
  const host = findCgroupHost();
  const mounts = [host.unified, ...host.controllers.values()].map(({ mount }) => `${mount}/hatchery`);
  const cgroups = mounts.filter((path) => existsSync(path)).flatMap((path) => readdirSync(path));
  const files = readdirSync('/run').filter((name) => name.startsWith('hatchery-doctor'));
  return [...cgroups.filter((name) => name.startsWith('doctor')), ...files, ...readdirSync('/proc/self/fd')];
}

const isOfDoctor = (name: string): boolean => name.startsWith('hatchery-doctor');

describe('diagnoseHost', () => {
  it('reports every check of its table once, in the table’s order', async () => {
    const findings = await diagnoseHost(options);
    // The last one takes a runtime and is added by doctor().
    expect(findings.map(({ name }) => name)).toEqual([...checkCatalog.keys()].filter((name) => name !== 'sandbox'));
  });

  it('finds nothing that is needed missing here, and says what the absence of the rest costs', async () => {
    const findings = await diagnoseHost(options);
    expect(findings.filter(({ ok, needed }) => !ok && needed)).toEqual([]);
    for (const { ok, cost, remedy } of findings) expect([cost === null, remedy === null]).toEqual([ok, ok]);
  });

  it('leaves no cgroup, file or descriptor behind', async () => {
    await diagnoseHost(options);
    const before = leftovers();
    await diagnoseHost(options);
    expect(leftovers()).toEqual(before);
    expect(registeredFds()).toEqual([]);
  });

  it('makes a network slot, and nothing of the host’s network is another afterwards', async () => {
    const seen = () => [readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8'), readdirSync('/tmp').filter(isOfDoctor)];
    const before = seen();
    const findings = await diagnoseHost(options);
    expect(findings.find(({ name }) => name === 'network-slots')).toMatchObject({ ok: true });
    expect(seen()).toEqual(before);
  });

  it('is not stopped by a missing shim: that is one finding of the report', async () => {
    const findings = await diagnoseHost({ ...options, shimPath: '/no/such/shim' });
    expect(findings.find(({ name }) => name === 'native-probes')).toMatchObject({
      ok: false,
      needed: true,
      detail: expect.stringContaining('/no/such/shim'),
      remedy: expect.stringContaining('build'),
    });
    expect(findings.find(({ name }) => name === 'limit-memory')).toBeDefined();
  });

  it('ends its probes and rejects when it is aborted', async () => {
    const controller = new AbortController();
    const diagnosis = diagnoseHost({ ...options, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(diagnosis).rejects.toThrow('enough');
  });
});
