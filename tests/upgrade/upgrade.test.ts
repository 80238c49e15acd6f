import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { closeFd } from '@hatchery/linux';
import { type Execution, Runtime, type Sandbox } from '@hatchery/runtime';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { ended, linesOf, nextLine, startProgram } from '../../packages/runtime/test/run-program.ts';
import { shell } from '../../packages/runtime/test/shell.ts';
import { usePlace } from '../../packages/runtime/test/use-runtime.ts';
import { PreviousRunner, type PreviousSandbox } from './previous-runner.ts';
import { noPreviousShim, previousVersions, readable } from './previous-zygote.ts';

const place = usePlace();

interface Logged {
  readonly text: string;
  readonly context: object;
}

/** What a runtime of this build tells its logger above `info`. */
async function open(log: Logged[] = []): Promise<Runtime> {
  const { runDirectory, dataDirectory, instance } = place;
  const note = (context: object, text = ''): void => void log.push({ text, context });
  const logger = { debug: () => {}, info: () => {}, warn: note, error: note };
  return await Runtime.open({ pool: false, runDirectory, dataDirectory, instance, logger });
}

function need(runtime: Runtime, id: string): Sandbox {
  const sandbox = runtime.get(id);
  if (sandbox === undefined) throw new Error(`sandbox ${id} was not adopted`);
  return sandbox;
}

/** Its stdout from the first byte kept, gaps, and its exits. */
async function follow(execution: Execution): Promise<{ text: string; others: string[] }> {
  const others: string[] = [];
  let text = '';
  for await (const event of execution.attach()) {
    if (event.type === 'data' && event.stream === 'stdout') text += event.data.toString();
    else others.push(event.type === 'exit' ? `exit ${event.status.exitCode}` : event.type);
  }
  return { text, others };
}

/** Lets a script that waits for the file go on, from outside. */
function letGoOn(sandbox: PreviousSandbox, file: string): void {
  writeFileSync(`/proc/${sandbox.pid}/root/tmp/${file}`, '');
}

/** This process's connections, pipes and processes. */
function descriptors(): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // that of the listing itself
      }
    })
    .filter((target) => /^(socket|pipe):|pidfd/.test(target))
    .toSorted();
}

const until = (file: string): string => `while [ ! -e /tmp/${file} ]; do sleep 0.02; done`;

/** A runner of this build that adopts and is killed with -9; what it found. */
async function adoptAndDie(): Promise<string> {
  const { runDirectory, dataDirectory, instance } = place;
  const program = new URL('../../packages/runtime/test/programs/adopt.ts', import.meta.url);
  const child = startProgram(program, [runDirectory, dataDirectory, instance]);
  const end = ended(child);
  const found = await nextLine(linesOf(child));
  child.kill('SIGKILL');
  await end;
  return found;
}

describe.each(previousVersions)('a runtime of this build, and sandboxes of the build of wire version %d', (version) => {
  beforeEach((context) => {
    if (noPreviousShim !== null) context.skip(noPreviousShim);
  });

  // Mutation: connectToInit speaks the present wire; parsePreviousRecord says 2; withPlaces left out; renewRecord removes nothing; another
  // magic in DurableRing.
  test('inv-75: one that runs is adopted, with all it wrote and how it ended; executed in, paused, adopted again, destroyed', async () => {
    const before = await PreviousRunner.open(version, place);
    const previous = await before.create('old');
    const script = `printf 'taken\\nleft\\n'; ${until('go')}; echo last; exit 7`;
    const pidfds = [
      await previous.exec(script, 'taken\n'.length),
      await previous.exec(`${until('end')}; echo meanwhile; exit 5`),
    ];
    await before.die();
    letGoOn(previous, 'end');
    await readable(pidfds[1] ?? -1);
    for (const fd of pidfds) closeFd(fd);

    await using first = await open();
    const sandbox = need(first, 'old');
    expect(sandbox).toMatchObject({
      state: 'running',
      metadata: { of: 'old' },
      createdAt: new Date(0),
      expiresAt: null,
    });
    const [live, done] = sandbox.executions();
    if (live === undefined || done === undefined) throw new Error('executions are missing');
    expect(await done.wait()).toMatchObject({ exitCode: 5, reason: 'exited' });
    expect(await follow(done)).toEqual({ text: 'meanwhile\n', others: ['exit 5'] });
    const following = follow(live);
    expect(await shell(sandbox, 'echo $FROM; hostname')).toBe('before\nhost-old');

    // An init before version 3 writes no files for it, and the runner does not pay for them: up to 64 KiB they go in.
    await sandbox.files.write('/srv/small', Buffer.alloc(65_536));
    const large = sandbox.files.write('/srv/large', Buffer.alloc(65_537));
    if (version < 3)
      await expect(large).rejects.toMatchObject({
        code: 'ERR_NOT_SUPPORTED',
        message: expect.stringMatching(/wire version \d.*at most 64 KiB/),
      });
    else expect(await large).toMatchObject({ size: 65_537 });
    await sandbox.pause();
    expect(sandbox.state).toBe('paused');
    await expect(sandbox.exec(['true'])).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    await sandbox.resume();
    letGoOn(previous, 'go');
    expect(await live.wait()).toMatchObject({ exitCode: 7, reason: 'exited' });
    expect(await following).toEqual({ text: 'taken\nleft\nlast\n', others: ['exit 7'] });
    sandbox.setTimeout(3_600_000);
    const expiresAt = sandbox.expiresAt;
    expect(expiresAt).toBeInstanceOf(Date);
    expect((await sandbox.stats()).pids).toBeGreaterThan(0);
    expect((await first.census()).leaks).toEqual([]);
    const speaking = await sandbox.exec(['sh', '-c', `echo of this build; ${until('on')}; exit 9`]);
    // On record before it is seen: a runner that dies between its read and that would have it told as a gap.
    await once(speaking.stdout, 'data');
    await first.close({ sandboxes: 'keep' });

    const record = readFileSync(join(previous.directory, 'record'), 'utf8');
    expect(record.startsWith('hatchery-record 2\n')).toBe(true);
    expect(record).toContain(`"wireVersion":${version}`);
    expect(existsSync(join(previous.directory, 'record.json'))).toBe(false);
    expect(await adoptAndDie()).toBe('old running');
    await using second = await open();
    const again = need(second, 'old');
    expect(again.expiresAt).toEqual(expiresAt);
    const [kept, ...others] = again.executions();
    expect(others).toEqual([]);
    if (kept === undefined) throw new Error('the execution is missing');
    letGoOn(previous, 'on');
    expect(await follow(kept)).toEqual({ text: 'of this build\n', others: ['exit 9'] });
    await again.pause();
    await again.destroy();
    expect((await second.census()).leaks).toEqual([]);
    expect(existsSync(previous.range)).toBe(false);
  });

  // Mutation: the state not taken from the cgroup.
  test('inv-75: one that is paused is adopted as that, and goes on when it is resumed', async () => {
    const before = await PreviousRunner.open(version, place);
    const previous = await before.create('still');
    const pidfd = await previous.exec(`${until('go')}; exit 3`);
    await previous.freeze();
    await before.die();
    closeFd(pidfd);
    expect(await adoptAndDie()).toBe('still paused');
    await using runtime = await open();
    const sandbox = need(runtime, 'still');
    expect(sandbox.state).toBe('paused');
    await expect(sandbox.exec(['true'])).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    const [execution] = sandbox.executions();
    letGoOn(previous, 'go');
    await sandbox.resume();
    expect(await execution?.wait()).toMatchObject({ exitCode: 3 });
    expect(await shell(sandbox, 'echo on')).toBe('on');
    await sandbox.destroy();
    expect((await runtime.census()).leaks).toEqual([]);
  });

  // Mutation: withPlaces left out of the teardown; parsePreviousRecord not asked.
  test('inv-75: half-made ones are undone', async () => {
    const before = await PreviousRunner.open(version, place);
    const made = [await before.create('intended', 'intent'), await before.create('cloned', 'made')];
    await before.die();
    await using runtime = await open();
    expect(runtime.list()).toEqual([]);
    expect((await runtime.census()).leaks).toEqual([]);
    for (const { directory, range } of made)
      for (const path of [directory, range]) expect(existsSync(path), path).toBe(false);
  });

  // Mutation: withPlaces left out of the teardown.
  test('inv-75: one whose init has died is gone, with all it had', async () => {
    const before = await PreviousRunner.open(version, place);
    const previous = await before.create('dead');
    await before.die();
    process.kill(previous.pid, 'SIGKILL');
    await using runtime = await open();
    expect(runtime.list()).toEqual([]);
    expect((await runtime.census()).leaks).toEqual([]);
    expect(existsSync(previous.directory)).toBe(false);
  });

  // Mutation: sweepAll takes the places of the record, which names none.
  test('inv-75: those of a private instance are swept', async () => {
    const before = await PreviousRunner.open(version, place, null);
    const previous = await before.create('nobodys');
    const { directory } = before.instance;
    await before.die();
    await using runtime = await open();
    expect(runtime.list()).toEqual([]);
    await runtime.close(); // the sweep goes on beside the open, and a close waits for it
    for (const path of [directory, previous.range, `/proc/${previous.pid}/root/tmp`])
      expect(existsSync(path), path).toBe(false);
  });

  // Mutation: a descriptor, the connection or the inbox not closed when an adoption fails.
  test('inv-75: one whose lease is gone is kept and told, and no descriptor of the attempt stays open', async () => {
    const before = await PreviousRunner.open(version, place);
    const previous = await before.create('leaseless');
    closeFd(await previous.exec(until('go')));
    await before.die();
    unlinkSync(previous.range);
    const opened = descriptors();
    const log: Logged[] = [];
    await using runtime = await open(log);
    expect(runtime.list()).toEqual([]);
    expect(log.map(({ text }) => text)).toContain('a sandbox could not be adopted; it is kept');
    await runtime.close({ sandboxes: 'keep' });
    expect(descriptors()).toEqual(opened);
    symlinkSync(previous.directory, previous.range);
    await using next = await open();
    expect(need(next, 'leaseless').executions()).toHaveLength(1);
    await need(next, 'leaseless').destroy();
  });

  // Mutation: releaseUnused looks at the sandboxes it has alone.
  test('inv-75: the ids of one that could not be removed stay leased until it is', async () => {
    const before = await PreviousRunner.open(version, place);
    const previous = await before.create('stuck');
    await before.die();
    process.kill(previous.pid, 'SIGKILL');
    const obstacle = join(previous.directory, 'obstacle');
    mkdirSync(join(obstacle, 'inside'), { recursive: true });
    onTestFinished(() => rmSync(obstacle, { recursive: true, force: true }));
    const log: Logged[] = [];
    await using runtime = await open(log);
    expect(log.map(({ text }) => text)).toContain('a sandbox could not be adopted; it is kept');
    expect(existsSync(previous.range)).toBe(true);
    rmSync(obstacle, { recursive: true });
    expect((await runtime.gc()).removed).toEqual(expect.arrayContaining(['stuck', previous.range]));
    expect((await runtime.census()).leaks).toEqual([]);
  });

  // Mutation: releaseUnused looks at the sandboxes it has alone.
  test('inv-75: one with a record of a version that this build does not know is kept, told and quarantined', async () => {
    const before = await PreviousRunner.open(version, place);
    const previous = await before.create('later');
    await before.die();
    const path = join(previous.directory, version === 1 ? 'record.json' : 'record');
    const known = readFileSync(path, 'utf8');
    writeFileSync(path, known.replace(/"version":\d/, '"version":9'));
    onTestFinished(() => rmSync(previous.directory, { recursive: true, force: true }));
    const log: Logged[] = [];
    await using runtime = await open(log);
    expect(runtime.get('later')).toBeUndefined();
    expect(JSON.stringify(log.map(({ text, context }) => [text, String((context as { err?: unknown }).err)]))).toMatch(
      /could not be adopted; it is kept.*version 9 is not one this build knows/,
    );
    expect((await runtime.gc()).quarantined).toContain('later');
    expect((await runtime.census()).quarantined).toContain('later');
    // Alive, with its ids: nobody else may get them.
    expect(existsSync(`/proc/${previous.pid}/root/tmp`)).toBe(true);
    expect(existsSync(previous.range)).toBe(true);
    writeFileSync(path, known);
    await runtime.close({ sandboxes: 'keep' });
    await using next = await open();
    await need(next, 'later').destroy();
  });
});
