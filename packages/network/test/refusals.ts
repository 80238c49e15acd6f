import { expect } from 'vitest';
import type { Agent, Attempt } from '../../../tests/made-up-network/made-up-world.ts';

/** Of a refusal, by its outcome: an error that is told, not a time-out. */
const withinMs = 50;
/** One sample says how busy the machine is, too: the quickest of these counts, and a time-out is never quick. */
const samples = 10;

/** Every answer is a refusal, and the quickest comes within the time. Asked again, UDP may get no answer: the kernel limits ICMP. */
export async function expectRefused(agent: Agent, task: Record<string, unknown>, what: string): Promise<void> {
  const attempts: Attempt[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const attempt = await agent.do(task);
    if (sample > 0 && attempt.outcome === 'no answer') continue;
    expect(attempt.outcome, what).toMatch(/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EACCES|EADDRNOTAVAIL)$/);
    attempts.push(attempt);
    if (attempt.ms < withinMs) return;
  }
  expect(Math.min(...attempts.map(({ ms }) => ms)), what).toBeLessThan(withinMs);
}
