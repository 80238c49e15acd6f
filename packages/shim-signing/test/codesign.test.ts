import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type CodesignOptions, installShim, type RunCommand, signShim, type Target } from '../src/index.ts';
import { machO } from './mach-o-file.ts';
import { ours, refusalOf, temporaryDirectory, version, written } from './signed-files.ts';

// No machine of the project runs macOS: these tests are about what happens around codesign, and a stub stands for it.
const mac: Target = { system: 'darwin', machine: 'arm64' };

let directory: string;
let place: string;
/** What codesign was asked to do. */
let calls: (readonly string[])[];
beforeEach(() => {
  directory = join(temporaryDirectory(), 'bin');
  place = join(directory, 'hatchery-shim');
  calls = [];
});

const identifierIn = (values: readonly string[]): string => values[values.indexOf('--identifier') + 1] ?? '';

/** Signs as codesign does, in the file itself, and verifies what it has signed. */
const codesign: RunCommand = async (_, values) => {
  calls.push(values);
  const path = values.at(-1) ?? '';
  if (values.includes('--sign')) {
    writeFileSync(path, machO(Buffer.from(`signed as ${identifierIn(values)}`)));
    return { code: 0, output: '' };
  }
  const wanted = /^-R=identifier "(.*)"$/.exec(values[2] ?? '')?.[1];
  const good = wanted !== undefined && readFileSync(path).includes(`signed as ${wanted}`);
  return { code: good ? 0 : 3, output: '' };
};

function install(options: Partial<CodesignOptions> = {}, bytes: Buffer = machO(null)) {
  const candidates = [written(signShim(bytes, { version, privateKey: ours.privateKey }))];
  const signing = { run: codesign, ...options };
  return installShim({ candidates, directory, target: mac, version, keys: [ours.publicKey], codesign: signing });
}

test('a Mach-O binary is verified, signed by codesign in a private file, and put in place', async () => {
  const entitlements = written(Buffer.from('<plist/>'), 'entitlements.plist');
  const installed = await install({ identity: 'Developer ID', entitlements });
  expect(installed.bytes.equals(readFileSync(place))).toBe(true);
  expect(installed.bytes.includes('signed as hatchery-shim.')).toBe(true);
  const [signing = []] = calls;
  expect(signing.slice(0, 3)).toEqual(['--force', '--sign', 'Developer ID']);
  expect(signing.slice(-3)).toEqual([
    '--entitlements',
    entitlements,
    expect.stringMatching(/\/\.hatchery-shim\.\d+\..*\.new$/),
  ]);
  expect(readdirSync(directory)).toEqual(['hatchery-shim']);
});

// Mutation: the identifier does not hold the digest.
test('inv-53: it is signed once, and again when binary or entitlements are others', async () => {
  const timesSigned = () => calls.filter((values) => values.includes('--sign')).length;
  await install();
  await install();
  expect(timesSigned()).toBe(1);
  await install({ entitlements: written(Buffer.from('<plist/>'), 'entitlements.plist') });
  expect(timesSigned()).toBe(2);
  await install({}, Buffer.concat([machO(null), Buffer.from('more')]));
  expect(timesSigned()).toBe(3);
});

test('inv-50: a Mach-O binary of the other machine is refused before codesign sees it', async () => {
  const error = await refusalOf(() => install({}, machO(null, 0x0100_0007)));
  expect(error).toMatchObject({ code: 'ERR_SHIM_MACHINE', expected: 'darwin arm64' });
  expect(calls).toEqual([]);
});

test('inv-52: a Mach-O binary that was altered is refused before codesign sees it', async () => {
  const bytes = signShim(machO(null), { version, privateKey: ours.privateKey });
  bytes[3000] = (bytes[3000] ?? 0) ^ 1;
  const options = { candidates: [written(bytes)], directory, target: mac, version, keys: [ours.publicKey] };
  expect(await refusalOf(() => installShim({ ...options, codesign: { run: codesign } }))).toMatchObject({
    code: 'ERR_SHIM_ALTERED',
  });
  expect(calls).toEqual([]);
});

/** Signs, loses what is behind `length` bytes, and reports success to every question. */
function partly(length: number): RunCommand {
  return async (command, values, options) => {
    if (values.includes('--sign')) {
      await codesign(command, values, options);
      const path = values.at(-1) ?? '';
      truncateSync(path, length < 0 ? readFileSync(path).length + length : length);
    }
    return { code: 0, output: '' };
  };
}

const refusing: RunCommand = async (command, values, options) =>
  values.includes('--sign') ? await codesign(command, values, options) : { code: 1, output: '' };

const misnaming: RunCommand = async (command, values, options) => {
  if (!values.includes('--sign')) return { code: 0, output: '' };
  const other = values.map((value) => (value.startsWith('hatchery-shim.') ? 'other' : value));
  return await codesign(command, other, options);
};

const removing: RunCommand = async (_, values) => {
  if (values.includes('--sign')) rmSync(values.at(-1) ?? '');
  return { code: values.includes('--sign') ? 0 : 1, output: '' };
};

describe('inv-51: a codesign that does not do its work leaves what was there before', () => {
  const failing: [string, Partial<CodesignOptions>, RegExp][] = [
    ['fails', { run: async () => ({ code: 1, output: 'no identity found' }) }, /failed with 1: no identity found/],
    ['cannot be started', { run: () => Promise.reject(new Error('ENOENT')) }, /could not be run: ENOENT/],
    ['hangs, deaf to its signal', { run: () => new Promise(() => {}), timeoutMs: 20 }, /did not end within 20 ms/],
    ['says that it signed and did not', { run: async () => ({ code: 0, output: '' }) }, /no code signature/],
    // Mutation: findMachOFault() left out of isSound().
    ['writes a part and says that all is well', { run: partly(2000) }, /ends at 2000, before a segment/],
    ['writes all but the end of the signature', { run: partly(-5) }, /before its code signature/],
    ['writes a part of the header', { run: partly(24) }, /cut short in its header/],
    ['empties the file', { run: partly(0) }, /no executable for the target/],
    // Mutation: written.includes(identifier) left out of isSound().
    ['signs under another name', { run: misnaming }, /not signed as hatchery-shim\./],
    // Mutation: codesign.verifies() left out of isSound().
    ['refuses what it signed', { run: refusing }, /codesign --verify refuses it/],
    ['removes the file', { run: removing }, /private file is gone/],
  ];

  test.for(failing)('one that %s', async ([, options, message]) => {
    mkdirSync(directory);
    const before = await install();
    const next = Buffer.concat([machO(null), Buffer.from('next')]);
    expect(await refusalOf(() => install(options, next))).toMatchObject({
      name: 'ShimSigningError',
      message: expect.stringMatching(message),
    });
    expect(readFileSync(place).equals(before.bytes)).toBe(true);
    expect(readdirSync(directory)).toEqual(['hatchery-shim']);
  });

  test.for(failing)('with nothing there: one that %s', async ([, options]) => {
    await refusalOf(() => install(options));
    expect(existsSync(place)).toBe(false);
    expect(readdirSync(directory)).toEqual([]);
  });
});
