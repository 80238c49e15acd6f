import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';
import { expectOnly, probe, wordsOf } from './probe.ts';

const canary = 'processes-canary-5d1c';
// Before the runtime is opened: whatever it starts could inherit this.
process.env['SERVER_TOKEN'] = canary;

const hostile = useHostileRuntime();

// Mutations: init stays dumpable, the bounding set whole, pidfd_getfd allowed (P01 to P03); the runner's environment goes to
// executions (P04). That signals from inside do not end PID 1 is the kernel's own rule: it holds as long as init is PID 1.
describe('init, which holds the descriptors that drive a sandbox', () => {
  test('P01: ptrace of init is refused, and the sandbox goes on after the tracer’s death', async () => {
    await using sandbox = await hostile.create();
    expect(wordsOf(await probe(sandbox, ['ptrace-init']))).toEqual({ attach: 'EPERM', seize: 'EPERM' });
    // On peers the next command hung: init was stopped with nobody left to wake it.
    expect((await sandbox.run(['/sp', 'hostname'])).exitCode).toBe(0);
  });

  test('P01: no signal from inside ends or stops init', async () => {
    await using sandbox = await hostile.create();
    for (const user of ['root', 'user']) {
      const answers = await probe(sandbox, ['kill-init'], { user });
      expect(answers.size).toBe(128);
      expectOnly(answers, user === 'root' ? ['sent'] : ['EPERM']);
    }
    expect((await sandbox.run(['/sp', 'hostname'])).exitCode).toBe(0);
    expect(sandbox.state).toBe('running');
  });

  // Mutation: ALLOW(prlimit64) in seccomp_calls.def; init takes no request any more, and the next exec hangs.
  test('P01: root cannot take init’s resources away', async () => {
    await using sandbox = await hostile.create();
    for (const user of ['root', 'user']) expectOnly(await probe(sandbox, ['limit-init'], { user }), ['EPERM']);
    expect((await sandbox.run(['/sp', 'hostname'])).exitCode).toBe(0);
  });

  // Mutation: init takes every answer of wait4 for an end; then this one "exits" with a made-up code and stands still.
  test('P01: an execution that makes init its tracer goes on, and its own exit is what is told', async () => {
    await using sandbox = await hostile.create();
    const result = await sandbox.run(['/sp', 'traceme']);
    expect(result.stdout.toString()).toBe(`traceme lives\nhostname is ${sandbox.id}\n`);
    expect(result).toMatchObject({ exitCode: 0, signal: null, reason: 'exited' });
  });

  // Mutation: init reaps until wait4 has nothing more, instead of so many a turn.
  test('P01: processes that stop for init without end keep it from nothing', async () => {
    await using sandbox = await hostile.create();
    const storm = await sandbox.exec(['/sp', 'trace-storm']);
    await once(storm.stdout, 'data');
    expect((await sandbox.run(['/sp', 'hostname'])).exitCode).toBe(0);
  });

  test('P02: no descriptor of init can be taken through a pidfd', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['steal-fd']);
    expect(answers.size).toBe(16);
    expectOnly(answers, ['EPERM']);
  });

  test('P03: init’s memory, root, descriptors and namespaces cannot be opened', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['init-memory']);
    expect(answers.get('/proc/1/mem')?.word).toBe('EACCES');
    expect(answers.get('process_vm_readv')?.word).toBe('EPERM');
    expect(answers.get('process_vm_writev')?.word).toBe('EPERM');
    // EPERM: the files whose every open asks for the right to trace.
    expectOnly(answers, ['EACCES', 'EPERM', 'ENOENT']);
  });

  test('P04: init has no environment, and no process in sight holds a secret of the runner’s', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['secrets', canary]);
    expect(['empty', 'EACCES']).toContain(answers.get('init-environ')?.word);
    expect(answers.get('canary')?.word).toBe('absent');
  });

  test('P04: an execution’s environment is the documented one and nothing of the runner’s', async () => {
    await using sandbox = await hostile.create({ image: 'host' });
    const result = await sandbox.run(['env']);
    const names = result.stdout
      .toString()
      .trim()
      .split('\n')
      .map((line) => line.slice(0, line.indexOf('=')));
    expect(names.toSorted()).toEqual(['HOME', 'LANG', 'PATH', 'SP_INSTANCE', 'USER']);
  });

  test('P04: the only processes in sight are init and the execution itself', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['ps']);
    expect(answers.size).toBe(2);
    expect([...answers.values()].map(({ detail }) => detail)).toContain('sp');
    expect(answers.has('pid-1')).toBe(true);
  });
});
