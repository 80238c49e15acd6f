import { expect, it } from 'vitest';
import { SandboxLog } from '../../src/e2b/hosted/sandbox-log.ts';

const messages = (log: SandboxLog): string[] => log.lines().map(({ message }) => message);

it('a log tells lines however they came, each of its own stream, and a last one that has not ended', () => {
  const log = new SandboxLog();
  log.note('the sandbox runs', { lifecycleId: 'l1' });
  log.write(7, 'stdout', Buffer.from('one\ntw'));
  log.write(7, 'stderr', Buffer.from('error\n'));
  log.write(8, 'stdout', Buffer.from('\nof 8\n'));
  log.write(7, 'stdout', Buffer.from('o\n'));
  // Half a character, then the other.
  log.write(7, 'stdout', Buffer.from('ä…').subarray(0, 3));
  log.write(7, 'stdout', Buffer.from('ä…').subarray(3));
  expect(messages(log).toSorted()).toEqual(['', 'error', 'of 8', 'one', 'the sandbox runs', 'two', 'ä…']);
  expect(log.lines()[0]).toEqual({
    at: expect.any(Number),
    level: 'info',
    message: 'the sandbox runs',
    fields: { lifecycleId: 'l1' },
  });
  expect(log.lines()).toContainEqual({
    at: expect.any(Number),
    level: 'info',
    message: 'error',
    fields: { pid: '7', stream: 'stderr' },
  });
});

it('a log keeps the last of what came, and no view of what it was given', () => {
  const log = new SandboxLog();
  const lent = Buffer.from('kept\n');
  log.write(1, 'stdout', lent);
  lent.fill('x');
  expect(messages(log)).toEqual(['kept']);
  for (let line = 0; line < 10_000; line++) log.write(1, 'stdout', Buffer.from(`line ${line}\n`));
  const kept = messages(log);
  expect(kept.length).toBeLessThan(600);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => `line ${10_000 - kept.length + index}`));
  log.write(1, 'stdout', Buffer.alloc(2 ** 20, 'y'));
  expect(messages(log).join('')).toMatch(/^y{60000,66000}$/);
});
