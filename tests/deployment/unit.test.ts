import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { neededCapabilities } from '../../packages/runtime/src/open/capabilities.ts';
import { readDeployFile } from './deploy-file.ts';

const text = readDeployFile('hatchery.service');

/** The settings of the unit; a name that comes twice has its last value, as in systemd. */
function settings(): Map<string, string> {
  return new Map([...text.matchAll(/^([A-Za-z]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));
}

/** What systemd-analyze(1) says of a unit in a root where what the unit starts has been installed; null: it says nothing. */
function verdict(unit: string): string | null {
  const root = mkdtempSync(join(tmpdir(), 'hatchery-unit-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const program = settings().get('ExecStart')?.split(' ')[0] ?? '';
  for (const directory of ['opt/hatchery/bin', 'etc/systemd/system'])
    mkdirSync(join(root, directory), { recursive: true });
  writeFileSync(join(root, program), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(root, 'etc/systemd/system/hatchery.service'), unit);
  // Targets and sysinit that every unit refers to.
  const ofSystem = '/lib/systemd/system';
  mkdirSync(join(root, ofSystem), { recursive: true });
  execFileSync('sh', [
    '-c',
    `cp -a ${ofSystem}/*.target ${ofSystem}/*.slice ${ofSystem}/*.mount '${join(root, ofSystem)}'`,
  ]);
  // Of a value that cannot be it warns, ignores it, and ends with 0.
  const words = ['verify', '--man=no', `--root=${root}`, 'hatchery.service'];
  const { status, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
  return status === 0 && stderr === '' ? null : stderr;
}

// Mutation: `KillMode=proces`; the program at another place.
test('systemd takes the unit as it is: every setting known, every value one it can have, its program where it says', (context) => {
  if (!existsSync('/usr/bin/systemd-analyze')) context.skip('systemd-analyze is not installed (Debian: systemd)');
  expect(verdict(text)).toBeNull();
  expect(verdict(text.replace('KillMode=process', 'KillMode=proces'))).toContain('kill mode');
  expect(verdict(text.replace('ExecStart=/opt', 'ExecStart=/nowhere'))).toContain('/nowhere');
});

// Mutation: any of the lines left out of the unit.
test('the end of the server takes no sandbox along, and they are not bounded or stopped together', () => {
  expect(Object.fromEntries(settings())).toMatchObject({
    KillMode: 'process',
    Delegate: 'yes',
    RuntimeDirectory: 'hatchery',
    RuntimeDirectoryPreserve: 'yes',
    StateDirectory: 'hatchery',
    OOMPolicy: 'continue',
    TasksMax: 'infinity',
    Restart: 'on-failure',
  });
});

// Mutation: CAP_SYS_PTRACE left out of the unit, or CAP_SYS_MODULE added.
test('the unit grants what the runtime asks for, and no more', () => {
  const granted = settings().get('CapabilityBoundingSet')?.split(' ');
  expect(granted?.toSorted()).toEqual([...neededCapabilities].toSorted());
  // These would be inherited by the programs inside, or hide the host's mounts and devices.
  for (const name of [
    'NoNewPrivileges',
    'SystemCallFilter',
    'PrivateTmp',
    'PrivateDevices',
    'ProtectSystem',
    'ProtectHome',
  ])
    expect(settings().has(name), name).toBe(false);
});
