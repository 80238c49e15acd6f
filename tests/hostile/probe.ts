import { spawnSync } from 'node:child_process';
import type { ExecOptions, Sandbox } from '@hatchery/runtime';
import { expect } from 'vitest';
import { buildProber } from './build-prober.ts';

/** What became of one hostile act: the errno or signal that stopped it, or HARM. */
export interface Answer {
  readonly word: string;
  readonly detail: string;
}

/** Answers by probe name, in the order in which the acts were tried. */
export type Answers = ReadonlyMap<string, Answer>;

/** Runs `sp ...command` in a sandbox whose image is a prober image; `/sp` must run and exit with 0. */
export async function probe(sandbox: Sandbox, command: readonly string[], options: ExecOptions = {}): Promise<Answers> {
  const result = await sandbox.run(['/sp', ...command], options);
  const output = result.stdout.toString('latin1');
  expect(
    { exitCode: result.exitCode, signal: result.signal, stderr: result.stderr.toString('latin1') },
    `sp ${command.join(' ')} said:\n${output}`,
  ).toEqual({ exitCode: 0, signal: null, stderr: '' });
  return parseAnswers(output);
}

/** Runs `sp ...command` on the host: the control that shows that a probe can see harm. */
export function probeHost(command: readonly string[]): Answers {
  const result = spawnSync(buildProber(), command, { encoding: 'latin1' });
  expect({ status: result.status, stderr: result.stderr }, `sp ${command.join(' ')} on the host`).toEqual({
    status: 0,
    stderr: '',
  });
  return parseAnswers(result.stdout);
}

/** Every answer must be one of `words`; the message shows those that are not. */
export function expectOnly(answers: Answers, words: readonly string[]): void {
  expect(answers.size).toBeGreaterThan(0);
  const others = [...answers].filter(([, answer]) => !words.includes(answer.word));
  const shown = others.map(([name, answer]) => `${name} ${answer.word} ${answer.detail}`);
  expect(shown, `answers other than ${words.join(', ')}`).toEqual([]);
}

/** The words alone, for a comparison with what is expected of each probe. */
export function wordsOf(answers: Answers): Record<string, string> {
  return Object.fromEntries([...answers].map(([name, answer]) => [name, answer.word]));
}

export function parseAnswers(output: string): Answers {
  const lines = output.split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line) => {
      const [name = '', word = '', ...detail] = line.split(' ');
      return [name, { word, detail: detail.join(' ') }];
    }),
  );
}
