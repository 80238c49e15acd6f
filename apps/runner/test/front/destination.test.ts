import { describe, expect, it } from 'vitest';
import { type Asked, type Destination, destinationOf } from '../../src/front/destination.ts';

const where = (asked: Partial<Asked>, domain = 'sbx.test:3000'): Destination =>
  destinationOf({ host: 'localhost:3000', url: '/a', sandboxId: undefined, sandboxPort: undefined, ...asked }, domain);
const to = (sandboxId: string, port: number): object => ({ to: 'sandbox', sandboxId, port, prefix: '', url: '/a' });
const nowhere = (message: string): Destination => ({ to: 'nowhere', message });
const control = { to: 'control' };

describe('a request goes', () => {
  it.each([
    ['3000-i1.sbx.test', to('i1', 3000)],
    ['3000-i1-client.sbx.test:443', to('i1', 3000)],
    ['3000-I1.SBX.TEST.', to('i1', 3000)],
    ['api.sbx.test', control],
    ['sbx.test', control],
    ['localhost', control],
    ['127.0.0.1:3000', control],
    ['[::1]:3000', control],
    ['my_machine', control],
    ['3000-i1.other.test', control],
    ['3000-i1.notsbx.test', control],
  ])('from the Host %s to its place', (host, expected) => {
    expect(where({ host })).toEqual(expected);
  });

  it.each([
    ['', 'Invalid host'],
    ['80@localhost', 'Invalid host'],
    ['3000-i1.sbx.test@localhost', 'Invalid host'],
    ['localhost/3000-i1.sbx.test', 'Invalid host'],
    ['localhost, 3000-i1.sbx.test', 'Invalid host'],
    ['localhost:3000:3000', 'Invalid host'],
    ['localhost#', 'Invalid host'],
    ['-.sbx.test', 'Invalid host'],
    ['i1.sbx.test', 'Invalid host'],
    ['-i1.sbx.test', 'Invalid host'],
    ['+80-i1.sbx.test', 'Invalid host'],
    ['0x50-i1.sbx.test', 'Invalid host'],
    ['0-i1.sbx.test', 'Invalid sandbox port'],
    ['080-i1.sbx.test', 'Invalid sandbox port'],
    ['65536-i1.sbx.test', 'Invalid sandbox port'],
    ['99999999999999999999-i1.sbx.test', 'Invalid sandbox port'],
    ['80-i1.i2.sbx.test', 'Invalid sandbox ID'],
    ['80-i1-a-b.sbx.test', 'Invalid sandbox ID'],
    ['80-i_1.sbx.test', 'Invalid sandbox ID'],
    [`80-${'i'.repeat(65)}.sbx.test`, 'Invalid sandbox ID'],
    ['sandbox.sbx.test', 'missing header: E2b-Sandbox-Id'],
  ])('from the Host "%s" nowhere', (host, message) => {
    expect(where({ host })).toEqual(nowhere(message));
  });

  it.each(['localhost', '127.0.0.1', '[::1]:80', 'sandbox.sbx.test', 'sandbox.e2b.app', 'sbx.test', 'my-machine:3000'])(
    'by its routing headers at %s',
    (host) => {
      const asked = { host, sandboxId: 'i1', sandboxPort: '80' };
      expect(where(asked)).toEqual(to('i1', 80));
      expect(where({ ...asked, sandboxId: 'i1-client' })).toEqual(to('i1', 80));
      expect(where({ ...asked, sandboxId: undefined })).toEqual(nowhere('missing header: E2b-Sandbox-Id'));
      expect(where({ ...asked, sandboxPort: undefined })).toEqual(nowhere('missing header: E2b-Sandbox-Port'));
      for (const sandboxId of ['', 'I1', 'i1, i2', '../i1', 'i1/x', 'i1%2f', 'i1\0'])
        expect(where({ ...asked, sandboxId })).toEqual(nowhere('Invalid sandbox ID'));
      for (const sandboxPort of ['', '0', '65536', '80@host', '80, 81', '-80', '8e1', ' 80', '٨٠'])
        expect(where({ ...asked, sandboxPort })).toEqual(nowhere('Invalid sandbox port'));
    },
  );

  // Otherwise a page of one sandbox would have another one answer in its name.
  it('by its own name where headers say another', () => {
    expect(where({ host: '80-i1.sbx.test', sandboxId: 'i2', sandboxPort: '81' })).toEqual(to('i1', 80));
    expect(where({ host: 'api.sbx.test', sandboxId: 'i2', sandboxPort: '81' })).toEqual(control);
  });

  it.each([
    ['/sandbox/i1/port/80/a/b?c=d', { prefix: '/sandbox/i1/port/80', url: '/a/b?c=d' }],
    ['/sandbox/i1/port/80/', { prefix: '/sandbox/i1/port/80', url: '/' }],
    ['/sandbox/i1/port/80//evil', { prefix: '/sandbox/i1/port/80', url: '//evil' }],
    ['/sandbox/i1/port/80/../../i2/port/80/', { prefix: '/sandbox/i1/port/80', url: '/../../i2/port/80/' }],
  ])('by the path %s', (url, rest) => {
    expect(where({ url })).toEqual({ to: 'sandbox', sandboxId: 'i1', port: 80, ...rest });
  });

  it.each([
    ['/sandbox/i1/port/80', { to: 'redirect', location: '/sandbox/i1/port/80/' }],
    ['/sandbox/i1/port/80?a=/b', { to: 'redirect', location: '/sandbox/i1/port/80/?a=/b' }],
    ['/sandbox/I1/port/80/', nowhere('Invalid sandbox ID')],
    ['/sandbox/../port/80/', nowhere('Invalid sandbox ID')],
    ['/sandbox//port/80/', nowhere('Invalid sandbox ID')],
    ['/sandbox/i1/port/0/', nowhere('Invalid sandbox port')],
    ['/sandbox/i1/port/80@host/', nowhere('Invalid sandbox port')],
    ['/sandbox/i1', control],
    ['/x/sandbox/i1/port/80/', control],
    ['/x?/sandbox/i1/port/80/', control],
    ['*', control],
  ])('by the path %s elsewhere', (url, expected) => {
    expect(where({ url })).toEqual(expected);
  });

  it('by names of a domain that is one label', () => {
    expect(where({ host: '80-i1.localhost:3000' }, 'localhost:3000')).toEqual(to('i1', 80));
    expect(where({ host: 'localhost:3000' }, 'localhost:3000')).toEqual(control);
  });
});
