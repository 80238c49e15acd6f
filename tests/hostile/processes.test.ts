import { describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';
import { expectOnly, probe, wordsOf } from './probe.ts';

const canary = 'processes-canary-5d1c';
// Before the runtime is opened: whatever it starts could inherit this.
process.env['SERVER_TOKEN'] = canary;

const hostile = useHostileRuntime();

describe('init, which holds the descriptors that drive a sandbox', () => {
  test('P01: ptrace of init is refused, and the sandbox goes on after the tracer’s death', async () => {
    await using sandbox = await hostile.create();
    expect(wordsOf(await probe(sandbox, ['ptrace-init']))).toEqual({ attach: 'EPERM', seize: 'EPERM' });
    // On peers the next command hung: init was stopped with nobody left to wake it.
    expect((await sandbox.run(['/sp', 'hostname'])).exitCode).toBe(0);
  });

  test('P01: no signal from inside ends or stops init', async () => {
    await using sandbox = await hostile.create();
    expectOnly(await probe(sandbox, ['kill-init']), ['sent', 'EPERM']);
    expect((await sandbox.run(['/sp', 'hostname'])).exitCode).toBe(0);
    expect(sandbox.state).toBe('running');
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
