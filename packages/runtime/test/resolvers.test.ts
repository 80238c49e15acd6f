import { expect, test } from 'vitest';
import { parseResolvers } from '../src/network/resolvers.ts';

test('of a host’s name servers a sandbox is told the public ones that are not the host, three at most', () => {
  const text = [
    '# nameserver 9.9.9.9',
    'nameserver 127.0.0.53',
    'nameserver 10.0.0.2',
    'nameserver 168.63.129.16',
    'nameserver 169.254.169.253',
    'nameserver 2606:4700:4700::1111',
    'nameserver 203.0.113.1',
    'nameserver\t8.8.8.8',
    'nameserver 8.8.8.8',
    'nameserver 1.1.1.1',
    'nameserver 9.9.9.10',
    'nameserver 4.4.4.4',
    'search corp.example',
  ].join('\n');
  expect(parseResolvers(text, new Set(['203.0.113.1']))).toEqual(['8.8.8.8', '1.1.1.1', '9.9.9.10']);
  expect(parseResolvers('', new Set())).toEqual([]);
});
