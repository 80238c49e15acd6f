import type { Reporter, TestCase } from 'vitest/node';

/** Copies the reason of `context.skip(reason)` to where vitest's JSON report keeps it; the report leaves it out itself. */
export default class SkipReasons implements Reporter {
  onTestCaseResult(testCase: TestCase): void {
    const result = testCase.result();
    if (result.state === 'skipped' && result.note !== undefined) {
      (testCase.meta() as { skipReason?: string }).skipReason = result.note;
    }
  }
}
