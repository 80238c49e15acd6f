import { expect, it } from 'vitest';
import { withoutPrefix } from '../../src/boxlite/path-prefix.ts';

it.each([
  ['/v1/boxes', '/v1/boxes'],
  ['/v1/boxes/metrics', '/v1/boxes/metrics'],
  ['/v1/acme/boxes', '/v1/boxes'],
  ['/v1/acme/boxes?status=running', '/v1/boxes?status=running'],
  ['/v1/a/b%2Fc/d/boxes/x/exec?q=/boxes', '/v1/boxes/x/exec?q=/boxes'],
  ['/v1/acme/volumes/v', '/v1/volumes/v'],
  ['/v1/acme/metrics', '/v1/metrics'],
  ['/v1/config', '/v1/config'],
  ['/v1/acme/config', '/v1/acme/config'],
  ['/v1/acme/me', '/v1/acme/me'],
  ['/v1', '/v1'],
  ['/v2/acme/boxes', '/v2/acme/boxes'],
  ['/sandboxes/boxes', '/sandboxes/boxes'],
])('%s is %s', (target, bare) => {
  expect(withoutPrefix(target)).toBe(bare);
});
