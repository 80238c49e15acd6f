import { expect, test } from 'vitest';
import { addressNumber, mergeRanges, parseRange } from '../src/address.ts';
import { checkRules, compileRules, permits } from '../src/rules.ts';

test('an entry is an address or a CIDR without host bits, and nothing that only looks like one', () => {
  for (const bad of [
    '',
    'example.com',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4/33',
    '1.2.3.4/24',
    '1.2.3.0/024',
    '1.2.3.0/',
    '1.2.3.0/8/8',
    ' 1.2.3.4',
    '::1/129',
  ]) {
    expect(() => checkRules({ allow: null, deny: [bad] }), bad).toThrow('ERR_NETWORK_RULES');
  }
  expect(parseRange('0.0.0.0/0')).toEqual({ first: 0, last: 2 ** 32 - 1 });
  expect(parseRange('255.255.255.255')).toEqual({ first: 2 ** 32 - 1, last: 2 ** 32 - 1 });
  expect(() => checkRules({ allow: ['2001:db8::/32'], deny: [] })).toThrow('IPv6 is off');
  checkRules({ allow: null, deny: ['2001:db8::/32'] });
});

test('ranges that overlap or touch become one, because the kernel refuses those that overlap', () => {
  const ranges = ['10.0.1.0/24', '10.0.0.0/24', '10.0.0.7', '10.0.3.0/24'].map(
    (text) => parseRange(text) as { first: number; last: number },
  );
  expect(mergeRanges(ranges)).toEqual([
    { first: addressNumber('10.0.0.0'), last: addressNumber('10.0.1.255') },
    { first: addressNumber('10.0.3.0'), last: addressNumber('10.0.3.255') },
  ]);
});

test('allow wins, and shuts out what it does not name, also when it names nothing', () => {
  const address = addressNumber('192.0.2.1');
  expect(permits(compileRules({ allow: ['192.0.2.1'], deny: ['192.0.2.0/24'] }), address)).toBe(true);
  expect(permits(compileRules({ allow: ['192.0.2.1'], deny: [] }), address + 1)).toBe(false);
  expect(permits(compileRules({ allow: [], deny: [] }), address)).toBe(false);
  expect(permits(compileRules({ allow: null, deny: ['192.0.2.0/24'] }), address)).toBe(false);
  expect(permits(compileRules({ allow: null, deny: [] }), address)).toBe(true);
});
