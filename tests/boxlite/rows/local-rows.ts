import { expect } from 'vitest';
import type { Row } from '../row.ts';

/** What asks no server, and what the client itself says is not there in REST mode. */
export const localRows: readonly Row[] = [
  {
    method: 'ImageHandle#list',
    claim: 'as its user calls it',
    refusal: 'images, by the client',
    async run({ runtime }) {
      await runtime.images.list();
    },
  },
  {
    method: 'ImageHandle#pull',
    claim: 'as its user calls it',
    refusal: 'images, by the client',
    async run({ runtime }) {
      await runtime.images.pull('alpine:latest');
    },
  },
  ...(['ApiKeyCredential', 'Credential'] as const).map(
    (whose): Row => ({
      method: `${whose}#getToken`,
      claim: 'is a key of this server, as it stands',
      run({ client, key }) {
        expect(new client.ApiKeyCredential(key).getToken().token).toBe(key);
      },
    }),
  ),
  {
    method: 'ApiKeyCredentialConstructor#fromEnv',
    claim: 'from BOXLITE_API_KEY, null when it is not set',
    run({ client }) {
      expect(client.ApiKeyCredential.fromEnv()).toBeNull();
    },
  },
  {
    method: 'getJsBoxlite()',
    claim: 'is the client’s own',
    run({ client }) {
      expect(client.getJsBoxlite()).toHaveProperty('rest');
    },
  },
  {
    method: 'getNativeModule()',
    claim: 'is the client’s own',
    run({ client }) {
      expect(client.getNativeModule()).toHaveProperty('JsBoxlite');
    },
  },
];
