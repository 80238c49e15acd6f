import { afterEach, describe, expect, test, vi } from 'vitest';
import { StepList } from '../src/sandbox/step-list.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
// Called with their own `this` below.
// oxlint-disable-next-line typescript/unbound-method
const { run, undo } = StepList.prototype;

afterEach(() => vi.restoreAllMocks());

/** Lets `meet` stand between each step's start and its act; the steps themselves are the real ones. */
function meetSteps(meet: (step: string, act: () => unknown) => unknown): void {
  vi.spyOn(StepList.prototype, 'run').mockImplementation(function (this: StepList, step, act, undo) {
    return run.call(this, step, () => meet(step, act), undo) as never;
  });
}

/** The names of the steps of one create, in order. */
async function stepsOfCreate(): Promise<string[]> {
  const steps: string[] = [];
  meetSteps((step, act) => {
    steps.push(step);
    return act();
  });
  const sandbox = await used.runtime.create();
  vi.restoreAllMocks();
  await sandbox.destroy();
  return steps;
}

describe('a create that is given up', () => {
  // Mutation, in turn: abandonable() returns the work, so the gate never opens; the lease's undo, closeTheirs() or the
  // closing of a root that nobody took left out.
  test('inv-41: at each step it rejects at once with AbortError, and nothing of it is left once it is undone', async () => {
    const steps = await stepsOfCreate();
    expect(steps.length).toBeGreaterThanOrEqual(9);
    await using neighbour = await used.runtime.create();
    const before = used.belongings();
    for (const wanted of steps) {
      const controller = new AbortController();
      const gate = Promise.withResolvers<void>();
      const reason = new Error(`enough, in ${wanted}`);
      const gone = Promise.withResolvers<void>();
      vi.spyOn(StepList.prototype, 'undo').mockImplementation(async function (this: StepList) {
        const failures = await undo.call(this);
        gone.resolve();
        return failures;
      });
      meetSteps(async (step, act) => {
        if (step !== wanted) return await act();
        controller.abort(reason);
        const value = await act();
        // The step has not ended before the caller has been let go.
        await gate.promise;
        return value;
      });
      const creating = used.runtime.create({ id: 'givenup' }, { signal: controller.signal });
      await expect(creating, wanted).rejects.toMatchObject({ name: 'AbortError', code: 'ERR_ABORTED', cause: reason });
      // Meanwhile what the sandbox sends arrives, with nobody left who waits for it.
      for (let count = 0; count < 3; count++) await neighbour.run(['true']);
      gate.resolve();
      // After the last step there is a whole sandbox, which is destroyed instead.
      if (wanted === steps.at(-1))
        await vi.waitUntil(() => used.runtime.get('givenup') === undefined, { timeout: 10_000 });
      else await gone.promise;
      vi.restoreAllMocks();
      await used.expectAgain(before, wanted);
    }
    await using again = await used.runtime.create({ id: 'givenup' });
    expect(await shell(again, 'echo free')).toBe('free');
  });

  // Mutation: InFlight does not hand its place on.
  test('inv-41: an aborted signal makes nothing, and one that waits for its turn gives the turn on', async () => {
    const before = used.belongings();
    const aborted = used.runtime.create({}, { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    const controller = new AbortController();
    const creates = Array.from({ length: 30 }, () => used.runtime.create({}, { signal: controller.signal }));
    const settled = Promise.allSettled(creates);
    const kept = Array.from({ length: 5 }, () => used.runtime.create());
    controller.abort();
    for (const result of await settled)
      expect(result).toMatchObject({ status: 'rejected', reason: { name: 'AbortError' } });
    const sandboxes = await Promise.all(kept);
    for (const sandbox of sandboxes) expect(await shell(sandbox, 'echo here')).toBe('here');
    await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
    await vi.waitUntil(() => used.runtime.list().length === 0, { timeout: 10_000 });
    await used.expectAgain(before);
  });

  test('inv-41: an aborted destroy still destroys', async () => {
    const before = used.belongings();
    const sandbox = await used.runtime.create();
    const controller = new AbortController();
    const destroying = sandbox.destroy({ signal: controller.signal });
    controller.abort();
    await expect(destroying).rejects.toMatchObject({ name: 'AbortError' });
    await sandbox.destroy();
    await used.expectAgain(before);
  });
});
