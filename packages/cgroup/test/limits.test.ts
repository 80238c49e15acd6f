import { describe, expect, it } from 'vitest';
import { parseState } from '../src/cgroup-events.ts';
import { compileLimits } from '../src/limits.ts';

describe('limits', () => {
  it("turns CPUs into a quota for 100 ms, and raises what is below the kernel's shortest to 1 ms", () => {
    expect(compileLimits({ cpus: 1.5 }).cpu).toBe(150_000);
    expect(compileLimits({ cpus: 0.01234567 }).cpu).toBe(1235);
    expect(compileLimits({ cpus: 0.000001 }).cpu).toBe(1000);
  });

  it('leaves out what was not asked for', () => {
    expect(compileLimits({ pids: 1 })).toEqual({ memory: undefined, cpu: undefined, pids: 1 });
  });

  it.each([
    ['memoryBytes', 4 * 1024 * 1024 - 1],
    ['memoryBytes', 1e300],
    ['memoryBytes', 5e6 + 0.5],
    ['memoryBytes', Number.NaN],
    ['cpus', 0],
    ['cpus', -1],
    ['cpus', Number.POSITIVE_INFINITY],
    ['cpus', 8193],
    ['pids', 0],
    ['pids', 1.5],
    ['pids', 4_194_305],
    ['pids', '12'],
  ])('refuses %s of %s and quotes it', (name, value) => {
    const quoted = typeof value === 'string' ? `"${value}"` : String(value);
    expect(() => compileLimits({ [name]: value })).toThrow(
      expect.objectContaining({
        code: 'ERR_LIMIT_INVALID',
        message: expect.stringContaining(`limits.${name} is ${quoted};`),
      }),
    );
  });
});

describe('cgroup.events', () => {
  // Mutation: return text.includes(`${state} 1`).
  it('inv-49: a text without a clear line of the state is an error, never "empty" or "thawed"', () => {
    expect(parseState('populated 1\nfrozen 0\n', 'populated', '/x')).toBe(true);
    expect(parseState('populated 1\nfrozen 0\n', 'frozen', '/x')).toBe(false);
    for (const text of ['', 'frozen 0\n', 'populated \n', 'populated 2\n', 'unpopulated 0\n']) {
      expect(() => parseState(text, 'populated', '/x')).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_IO' }));
    }
    expect(() => parseState('populated 0\n', 'frozen', '/x')).toThrow(
      expect.objectContaining({ code: 'ERR_CGROUP_IO' }),
    );
  });
});
