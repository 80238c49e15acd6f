import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeLabel, encodeLabel, maxTagBytes } from '../src/execution/label.ts';

const number = fc.option(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
const label = fc.record({
  id: fc.uuid(),
  tag: fc.option(
    fc.string({ unit: 'binary', maxLength: maxTagBytes }).filter((tag) => Buffer.byteLength(tag) <= maxTagBytes),
    { nil: undefined },
  ),
  deadlineMs: number,
  killGraceMs: fc.integer({ min: 0, max: 2_147_483_647 }),
  lingerMs: number,
  oomKillsBefore: number,
});

const most = Number.MAX_SAFE_INTEGER;
const longest = {
  id: '00000000-0000-4000-8000-000000000000',
  tag: '\0'.repeat(maxTagBytes),
  deadlineMs: most,
  killGraceMs: 2_147_483_647,
  lingerMs: most,
  oomKillsBefore: most,
};

// Mutation: the tag as it is instead of as base64: control characters become six bytes each.
test('a label comes back as it went in, whatever its tag is, and fits what init keeps of it', () => {
  fc.assert(
    fc.property(label, (given) => {
      const bytes = encodeLabel(given);
      expect(bytes.length).toBeLessThanOrEqual(512);
      expect(decodeLabel(bytes)).toEqual(given);
    }),
    { examples: [[longest]] },
  );
});

// Mutation: any one of the checks in decodeLabel() left out.
test('what is no label of this build is none: garbage throws nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 512 }), (bytes) => {
      expect(decodeLabel(bytes)).toBeNull();
    }),
  );
  const right: unknown[] = [1, 'x', null, null, 1, null, null];
  const wrong: readonly unknown[] = [2, 5, 5, '5', '5', '5', '5'];
  expect(decodeLabel(Buffer.from(JSON.stringify(right)))).toMatchObject({ id: 'x' });
  for (const [index, field] of wrong.entries())
    expect(decodeLabel(Buffer.from(JSON.stringify(right.with(index, field)))), `field ${index}`).toBeNull();
  for (const text of ['', '[]', '{"id":"x"}', 'null', '5']) expect(decodeLabel(Buffer.from(text))).toBeNull();
});
