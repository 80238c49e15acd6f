import { decodeFileName } from '@hatchery/linux';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatQuery, parseQuery } from '../src/wire/query.ts';

it('a name of any bytes survives the way through a query', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
      const name = decodeFileName(bytes.map((byte) => (byte === 0 ? 1 : byte)));
      const query = formatQuery({ path: name, after: name, mode: undefined, depth: 2 });
      expect(query).toMatch(/^\?[\w.~%&=/-]*$/);
      expect(parseQuery(query.slice(1))).toEqual({ path: name, after: name, depth: '2' });
    }),
  );
});

it('what others write in a query is understood, too', () => {
  expect(parseQuery('path=%2Ftmp%2fa+b&recursive')).toEqual({ path: '/tmp/a b', recursive: '' });
  expect(parseQuery('path=a%ffb')).toEqual({ path: 'a\uDCFFb' });
  expect(parseQuery('path=100%&x=%zz&%70=1')).toEqual({ path: '100%', x: '%zz', p: '1' });
  expect(parseQuery('path=%252e')).toEqual({ path: '%2e' });
  expect(Object.hasOwn(parseQuery('__proto__=x'), '__proto__')).toBe(true);
});
