/** The part of vitest's JSON report that is read here. */
export interface TestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly meta?: { readonly skipReason?: string };
    }[];
  }[];
}

export interface Summary {
  readonly passed: number;
  readonly failed: number;
  /** `reason` is null where the test gave none. */
  readonly skipped: readonly { readonly title: string; readonly reason: string | null }[];
}

/** Counts the tests of a report. A file that failed outside of its tests (it did not load, say) is one failure. */
export function summarise(report: TestReport, showFile: (file: string) => string): Summary {
  let passed = 0;
  let failed = 0;
  const skipped: { title: string; reason: string | null }[] = [];
  for (const file of report.testResults) {
    let failedHere = 0;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') passed++;
      else if (test.status === 'failed') failedHere++;
      else {
        const title = `${showFile(file.name)} > ${test.fullName.trim()}`;
        skipped.push({ title, reason: test.meta?.skipReason ?? null });
      }
    }
    failed += failedHere === 0 && file.status === 'failed' ? 1 : failedHere;
  }
  return { passed, failed, skipped };
}
