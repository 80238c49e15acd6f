import { expect, it } from 'vitest';
import { lastNameOf, parseCopyPlace } from '../src/commands/copy-place.ts';
import { targetOfDirectory, targetOfFile } from '../src/commands/copy-target.ts';

it('an argument of cp is a place in a sandbox, a path here or a stream', () => {
  expect(parseCopyPlace('box:/tmp/a:b')).toEqual({ kind: 'sandbox', id: 'box', path: '/tmp/a:b' });
  expect(parseCopyPlace('box:notes')).toEqual({ kind: 'sandbox', id: 'box', path: 'notes' });
  expect(parseCopyPlace('./box:notes')).toEqual({ kind: 'local', path: './box:notes' });
  expect(parseCopyPlace('Box:notes')).toEqual({ kind: 'local', path: 'Box:notes' });
  expect(parseCopyPlace('-')).toEqual({ kind: 'stream' });
  for (const text of ['', 'box:']) expect(() => parseCopyPlace(text), text).toThrow(/ERR_USAGE/);
});

it('a file goes into a directory under its own name, and elsewhere under the name given', () => {
  expect(targetOfFile('a/b.txt', '/srv', 'directory')).toBe('/srv/b.txt');
  expect(targetOfFile('b.txt', '/srv/', 'directory')).toBe('/srv/b.txt');
  expect(targetOfFile('b.txt', '/srv/c', 'something')).toBe('/srv/c');
  expect(targetOfFile('b.txt', '/srv/c', 'nothing')).toBe('/srv/c');
  expect(targetOfFile(null, '/srv/c', 'nothing')).toBe('/srv/c');
  expect(() => targetOfFile('b.txt', '/srv/c/', 'nothing')).toThrow(/no directory \/srv\/c\//);
  expect(() => targetOfFile(null, '/srv', 'directory')).toThrow(/needs a name/);
});

it('a directory goes into one that is there, or becomes one, as with docker cp', () => {
  expect(targetOfDirectory('x/tree/', '/srv', 'directory')).toBe('/srv/tree');
  expect(targetOfDirectory('x/tree/.', '/srv', 'directory')).toBe('/srv');
  expect(targetOfDirectory('.', '/srv', 'directory')).toBe('/srv');
  expect(targetOfDirectory('x/tree', '/srv/new', 'nothing')).toBe('/srv/new');
  expect(() => targetOfDirectory('x/tree', '/srv/file', 'something')).toThrow(/is no directory/);
  expect(() => lastNameOf('/')).toThrow(/has no name/);
  expect(() => lastNameOf('a/..')).toThrow(/has no name/);
});
