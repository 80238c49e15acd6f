import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { type ClientBox, type ClientExecution, shell, textOf } from '../client.ts';
import type { Row } from '../row.ts';

/** `cat` with what it is given, and its end. */
async function cat(
  box: ClientBox,
  feed: (stdin: Awaited<ReturnType<ClientExecution['stdin']>>) => Promise<void>,
): Promise<string> {
  const execution = await box.exec('cat');
  const [stdin, stdout] = [await execution.stdin(), await execution.stdout()];
  const text = textOf(stdout);
  await feed(stdin);
  expect((await execution.wait()).exitCode).toBe(0);
  return await text;
}

/** Commands in a box: their input, output, signals and ends. */
export const executionRows: readonly Row[] = [
  {
    method: 'JsBox#exec',
    claim: 'with arguments, variables, a directory: its output and its exit code',
    async run({ box }) {
      const script = 'printf "%s %s %s" "$1" "$ROW" "$PWD"; echo warning >&2; exit 7';
      const execution = await box.exec('sh', ['-c', script, 'sh', 'a b'], [['ROW', 'x']], false, null, null, '/tmp');
      const streams = [await execution.stdout(), await execution.stderr()];
      expect(await Promise.all(streams.map(textOf))).toEqual(['a b x /tmp', 'warning\n']);
      expect(await execution.wait()).toEqual({ exitCode: 7 });
    },
  },
  {
    method: 'JsBox#exec',
    claim: 'a program that is not there',
    async run({ box }) {
      await expect(box.exec('no-such-program')).rejects.toThrow(/no-such-program/);
    },
  },
  {
    method: 'JsBox#exec',
    claim: 'a time limit ends it with all that it has started',
    async run({ fresh }) {
      const box = await fresh();
      const script = 'trap "" TERM HUP; sleep 1234 & sleep 1234';
      const execution = await box.exec('sh', ['-c', script], null, false, null, 0.5);
      expect((await execution.wait()).exitCode).not.toBe(0);
      expect(await shell(box, 'cat /proc/[0-9]*/comm')).not.toContain('sleep');
    },
  },
  {
    method: 'JsExecution#id',
    claim: 'another one each time',
    async run({ box }) {
      const ids = await Promise.all([1, 2].map(async () => await (await box.exec('true')).id()));
      expect(new Set(ids).size).toBe(2);
    },
  },
  {
    method: 'JsExecution#stdin',
    claim: 'is there for each command',
    async run({ box }) {
      expect(await cat(box, (stdin) => stdin.close())).toBe('');
    },
  },
  {
    method: 'JsExecStdin#write',
    claim: 'every byte, a megabyte of them too',
    async run({ box }) {
      const execution = await box.exec('sha256sum');
      const [stdin, text] = [await execution.stdin(), textOf(await execution.stdout())];
      const bytes = Buffer.alloc(2 ** 20, 'every byte ');
      await stdin.write(bytes);
      await stdin.close();
      expect((await text).slice(0, 64)).toBe(createHash('sha256').update(bytes).digest('hex'));
    },
  },
  {
    method: 'JsExecStdin#writeString',
    claim: 'arrives as UTF-8',
    async run({ box }) {
      const given = 'größe ✓\n';
      expect(
        await cat(box, async (stdin) => {
          await stdin.writeString(given);
          await stdin.close();
        }),
      ).toBe(given);
    },
  },
  {
    method: 'JsExecStdin#close',
    claim: 'ends a program that reads to the end',
    async run({ box }) {
      expect(
        await cat(box, async (stdin) => {
          await stdin.writeString('last');
          await stdin.close();
        }),
      ).toBe('last');
    },
  },
  {
    method: 'JsExecution#stdout',
    claim: 'as it comes, while the command runs',
    async run({ box }) {
      const execution = await box.exec('sh', ['-c', 'echo first; read line; echo got $line']);
      const [stdin, stdout] = [await execution.stdin(), await execution.stdout()];
      expect(await stdout.next()).toBe('first\n');
      await stdin.writeString('it\n');
      expect(await textOf(stdout)).toBe('got it\n');
    },
  },
  {
    method: 'JsExecStdout#next',
    claim: 'no character of text is cut into two',
    async run({ box }) {
      const script = 'i=0; while [ $i -lt 20000 ]; do printf "größe ✓ 日本 "; i=$((i+1)); done';
      const execution = await box.exec('sh', ['-c', script]);
      expect(await textOf(await execution.stdout())).toBe('größe ✓ 日本 '.repeat(20_000));
    },
  },
  {
    method: 'JsExecution#stderr',
    claim: 'apart from the other stream',
    async run({ box }) {
      const execution = await box.exec('sh', ['-c', 'echo out; echo err >&2']);
      expect(await textOf(await execution.stderr())).toBe('err\n');
    },
  },
  {
    method: 'JsExecStderr#next',
    claim: 'null at its end, and from then on',
    async run({ box }) {
      const stderr = await (await box.exec('true')).stderr();
      expect([await stderr.next(), await stderr.next()]).toEqual([null, null]);
    },
  },
  {
    method: 'JsExecution#wait',
    claim: 'the same for everybody who waits, now and later',
    async run({ box }) {
      const execution = await box.exec('sh', ['-c', 'exit 3']);
      const codes = await Promise.all([execution.wait(), execution.wait()]);
      expect([...codes, await execution.wait()].map(({ exitCode }) => exitCode)).toEqual([3, 3, 3]);
    },
  },
  {
    method: 'JsExecution#kill',
    claim: 'ends one that ignores every other signal',
    async run({ box }) {
      const execution = await box.exec('sh', ['-c', 'trap "" HUP INT TERM; echo ready; while :; do sleep 0.05; done']);
      expect(await (await execution.stdout()).next()).toBe('ready\n');
      await execution.kill();
      expect((await execution.wait()).exitCode).not.toBe(0);
    },
  },
  {
    method: 'JsExecution#signal',
    claim: 'reaches the program, which may handle it',
    async run({ box }) {
      const script = 'trap "echo caught; exit 5" USR1; echo ready; while :; do sleep 0.05; done';
      const execution = await box.exec('sh', ['-c', script]);
      const stdout = await execution.stdout();
      expect(await stdout.next()).toBe('ready\n');
      await execution.signal(10);
      expect(await textOf(stdout)).toBe('caught\n');
      expect(await execution.wait()).toEqual({ exitCode: 5 });
      const endless = await box.exec('sleep', ['1000']);
      await expect(endless.signal(999)).rejects.toThrow(/invalid argument: /);
      await endless.kill();
    },
  },
  {
    method: 'JsExecution#resizeTty',
    claim: 'the terminal has the size, before it is attached and later',
    async run({ box }) {
      const script = 'read line; stty size; trap "stty size; exit 0" WINCH; echo ready; while :; do sleep 0.05; done';
      const execution = await box.exec('sh', ['-c', script], null, true);
      await execution.resizeTty(33, 99);
      const [stdin, stdout] = [await execution.stdin(), await execution.stdout()];
      await stdin.writeString('go\n');
      let text = '';
      while (!text.includes('ready')) text += (await stdout.next()) ?? '';
      expect(text).toContain('33 99');
      await execution.resizeTty(44, 111);
      expect(await textOf(stdout)).toContain('44 111');
    },
  },
];
