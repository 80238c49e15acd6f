import type { FastifyInstance, HTTPMethods } from 'fastify';
import { unsupported } from '../box-error.ts';
import { boxDocs } from '../docs.ts';

const noSnapshots = 'there are no snapshots yet; stop keeps a box with its files';
const noCopies = 'a box cannot be copied yet';
const noPulls = 'nothing is pulled; use `hatchery image register` and `hatchery image ls`';
const noKeys = 'use `hatchery keys`';

/** What BoxLite has and hatchery does not: method, path, what it is, and why. */
const refusals: readonly (readonly [readonly HTTPMethods[], string, string, string])[] = [
  [['GET', 'POST'], '/boxes/:id/snapshots', 'snapshots', noSnapshots],
  [['GET', 'DELETE'], '/boxes/:id/snapshots/:name', 'snapshots', noSnapshots],
  [['POST'], '/boxes/:id/snapshots/:name/restore', 'snapshots', noSnapshots],
  [['POST'], '/boxes/:id/clone', 'clone', noCopies],
  [['POST'], '/boxes/:id/export', 'export', noCopies],
  [['POST'], '/boxes/import', 'import', noCopies],
  [['GET'], '/boxes/:id/attach', 'attaching to the main program of a box', 'it has none; start one with exec'],
  [['POST'], '/images/pull', 'pulling images', noPulls],
  [['GET'], '/images', 'listing images', noPulls],
  [['GET'], '/images/:id', 'showing an image', noPulls],
  [['GET', 'POST'], '/api-keys', 'API keys over HTTP', noKeys],
  [['DELETE'], '/api-keys/:name', 'API keys over HTTP', noKeys],
];

/** Answers `unsupported` for each, naming it, before a body of whatever type is looked at. */
export function addRefusals(app: FastifyInstance): void {
  for (const [method, url, what, why] of refusals) {
    app.route({
      method: [...method],
      url,
      ...boxDocs(what, { answers: { 501: `not here: ${why}` } }),
      onRequest: async () => {
        throw unsupported(what, why);
      },
      handler: () => {},
    });
  }
}
