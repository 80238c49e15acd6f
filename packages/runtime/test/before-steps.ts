import { vi } from 'vitest';
import { StepList } from '../src/sandbox/step-list.ts';

// Called with its own `this` below.
// oxlint-disable-next-line typescript/unbound-method
const { run } = StepList.prototype;

/** Does something to the machine right before a step is acted on; the steps themselves are the real ones. */
export function beforeSteps(act: (step: string, index: number) => void): void {
  let index = 0;
  vi.spyOn(StepList.prototype, 'run').mockImplementation(function (this: StepList, step, real, undo) {
    const meet = (): unknown => {
      act(step, index++);
      return real();
    };
    return run.call(this, step, meet, undo) as never;
  });
}
