import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { readVersion } from '../version.ts';

/**
 * Has `GET /openapi.json` tell the routes that are added from now on inside of plugins, from their own schemas: what is not
 * served cannot be in it, and what is served cannot be missing.
 */
export function describeApi(app: FastifyInstance): void {
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'hatchery',
        version: readVersion(),
        description:
          "E2B's control API and, below /v1, BoxLite's REST API as hatchery serves them. Programs and files of an E2B sandbox are at envd, which its clients find by themselves.",
      },
      components: {
        securitySchemes: {
          key: { type: 'apiKey', in: 'header', name: 'X-API-KEY' },
          bearer: { type: 'http', scheme: 'bearer' },
        },
      },
      security: [{ key: [] }, { bearer: [] }],
    },
  });
  void app.register(async (own) => {
    const document = { summary: 'This document', response: { 200: { type: 'object', additionalProperties: true } } };
    own.get('/openapi.json', { schema: document }, () => app.swagger());
  });
}
