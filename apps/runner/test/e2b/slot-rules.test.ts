import fc from 'fast-check';
import { expect, it } from 'vitest';
import { slotRules } from '../../src/e2b/hosted/slot-rules.ts';

const wish = (allowOut: string[], denyOut: string[], allowInternetAccess: boolean | null = null): object =>
  slotRules({ allowOut, denyOut, allowInternetAccess });

it.each([
  ['nothing said: everything is open', wish([], []), { deny: [] }],
  ['allowed alone: everything is open all the same', wish(['1.1.1.1'], []), { deny: [] }],
  ['denied by address and range', wish([], ['10.0.0.0/8', '8.8.8.8']), { deny: ['8.8.8.8', '10.0.0.0/8'] }],
  ['no internet: nothing', wish([], [], false), { allow: [] }],
  ['no internet but this', wish(['1.1.1.1'], [], false), { allow: ['1.1.1.1'] }],
  ['all denied but this', wish(['1.1.1.0/24', '8.8.8.8'], ['0.0.0.0/0']), { allow: ['1.1.1.0/24', '8.8.8.8'] }],
  ['all denied in two halves', wish([], ['0.0.0.0/1', '128.0.0.0/1']), { allow: [] }],
  ['an exception is cut out', wish(['10.0.0.1'], ['10.0.0.0/30']), { deny: ['10.0.0.0', '10.0.0.2/31'] }],
  ['an exception larger than what is denied', wish(['10.0.0.0/8'], ['10.1.0.0/16']), { deny: [] }],
  ['IPv6, which a slot does not have', wish([], ['::/0', 'fe80::1']), { deny: [] }],
])('%s', (_, rules, expected) => {
  expect(rules).toEqual(expected);
});

/** One address, by the words of the API. */
function isDenied(address: number, allowOut: string[], denyOut: string[]): boolean {
  const isIn = (entry: string): boolean => {
    const [text = '', bits = '32'] = entry.split('/');
    const number = text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    const size = 2 ** (32 - Number(bits));
    return Math.floor(address / size) === Math.floor(number / size);
  };
  return denyOut.some(isIn) && !allowOut.some(isIn);
}

it('for any lists an address is denied by the rules when the API says so', () => {
  // Few bits, so that ranges meet.
  const entry = fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 24, max: 32 }))
    .map(([last, bits]) => `10.0.0.${last}/${bits}`);
  const lists = fc.tuple(fc.array(entry, { maxLength: 6 }), fc.array(entry, { maxLength: 6 }));
  fc.assert(
    fc.property(lists, ([allowOut, denyOut]) => {
      const { deny = [] } = slotRules({ allowOut, denyOut, allowInternetAccess: null });
      for (let address = 10 * 2 ** 24; address < 10 * 2 ** 24 + 256; address++)
        if (isDenied(address, allowOut, denyOut) !== isDenied(address, [], deny)) return false;
      return true;
    }),
  );
});
