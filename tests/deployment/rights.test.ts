import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { neededCapabilities } from '../../packages/runtime/src/open/capabilities.ts';
import { fromBuild } from '../e2b/serve-process.ts';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly needed: boolean;
  readonly detail: string;
  readonly cost: string | null;
  readonly remedy: string | null;
}

// Each test starts command lines, of which a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

let places: string[] = [];
let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hatchery-rights-'));
  places = ['--data-directory', join(directory, 'data')];
  writeFileSync(join(directory, 'unasked.mjs'), unasked);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Makes the runtime believe that it has all capabilities, so that the kernel is what refuses. */
const unasked = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const read = fs.readFileSync;
fs.readFileSync = (path, ...rest) => (path === '/proc/self/status' ? 'CapEff:\\t000001ffffffffff\\n' : read(path, ...rest));
syncBuiltinESMExports();
`;

/** The command line as built, its bounding set changed as setpriv(1) has it. */
async function hatchery(set: string, words: readonly string[], nodeWords: readonly string[] = []): Promise<Outcome> {
  const all = [`--bounding-set=${set}`, process.execPath, ...nodeWords, ...fromBuild, ...words];
  try {
    return { code: 0, ...(await promisify(execFile)('setpriv', all)) };
  } catch (error) {
    const { code, stdout, stderr } = error as Outcome;
    return { code, stdout, stderr };
  }
}

const setprivName = (capability: string): string => capability.slice('CAP_'.length).toLowerCase();

/** Needs every one of them: files as another user, and an end by force of a program that is not root's. */
const stubborn = ['run', '-u', 'user', '--timeout', '300ms', 'sh', '-c', 'trap "" HUP TERM ALRM; echo on; sleep 60'];

// Mutation: any of them left out of the list.
test('a process with what deploy/ grants runs programs and ends them, and doctor finds nothing missing, networks included', async () => {
  const granted = ['-all', ...neededCapabilities.map((name) => `+${setprivName(name)}`)].join(',');
  expect(await hatchery(granted, stubborn)).toMatchObject({ code: 124, stdout: 'on\n', stderr: '' });
  const { code, stdout } = await hatchery(granted, ['doctor', '--json', ...places]);
  const missing = (JSON.parse(stdout) as Finding[]).filter(
    ({ name, ok, needed }) => !ok && (needed || name === 'network-slots'),
  );
  expect([code, missing]).toEqual([0, []]);
});

// Mutation: CAP_SYS_CHROOT in the list, without which all goes well; the bit of one another one's.
test.each(neededCapabilities)('a process without %s could not run them: the kernel refuses it', async (name) => {
  const nodeWords = ['--import', join(directory, 'unasked.mjs')];
  const { code, stderr } = await hatchery(`-${setprivName(name)}`, stubborn, nodeWords);
  expect(code).toBe(125);
  expect(stderr).toMatch(/EPERM|EACCES/);
});

// Mutation: missingCapabilities() not asked; the bit of one another one's.
test.each([
  ['-all', neededCapabilities.join(', ')],
  ['-sys_ptrace,-kill', 'CAP_KILL, CAP_SYS_PTRACE'],
])(
  'a process with the bounding set %s is refused a runtime before anything is made, with the names of what it lacks',
  async (set, names) => {
    const { code, stdout, stderr } = await hatchery(set, ['run', 'true']);
    expect([code, stdout]).toEqual([125, '']);
    expect(stderr).toContain(`[ERR_HOST_UNSUPPORTED] Runtime.open(): this process lacks ${names}; grant that`);
  },
);

// Mutation: checkCapabilities() left out of the doctor.
test('doctor tells of all that a process lacks, what that costs and how to get it', async () => {
  const { code, stdout } = await hatchery('-kill,-sys_ptrace', ['doctor', '--json', ...places]);
  const finding = (JSON.parse(stdout) as Finding[]).find(({ name }) => name === 'capabilities');
  expect([code, finding?.detail]).toEqual([1, 'uid 0 lacks CAP_KILL, CAP_SYS_PTRACE']);
  expect([finding?.cost, finding?.remedy]).toEqual([expect.any(String), expect.stringContaining('root')]);
});

// Mutation: checkDiskRoots() left out of the doctor.
test('doctor tells of a container without the host’s /dev that it has no roots on disk', async () => {
  const without = 'mount --bind /dev/null /dev/loop-control && exec "$@"';
  const words = ['--mount', 'sh', '-c', without, 'sh', process.execPath, ...fromBuild, 'doctor', '--json', ...places];
  const { stdout } = await promisify(execFile)('unshare', words);
  const finding = (JSON.parse(stdout) as Finding[]).find(({ name }) => name === 'disk-roots');
  expect(finding).toMatchObject({ ok: false, needed: false, detail: expect.stringContaining('LOOP_CTL_GET_FREE') });
  expect(finding?.remedy).toContain('mount the host’s /dev');
});
