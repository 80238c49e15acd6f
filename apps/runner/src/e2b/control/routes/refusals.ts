import type { FastifyInstance, HTTPMethods } from 'fastify';
import { docs } from '../../../serve/route-docs.ts';
import { notSupported } from '../not-supported.ts';

const noSnapshots = 'there are no snapshots yet; pause keeps a sandbox';
const noBuilds = 'templates are not built here; make a root directory and use `hatchery image register`';
const noVolumes = 'there are no volumes of this API yet';
const noSecrets = 'nothing is kept for sandboxes to use without seeing it; pass envVars';
const noTeams = 'whoever has a key is of the one team there is';
const noKeys = 'use `hatchery keys`';
const noNodes = 'this server is the only one';

/** What E2B has and hatchery does not: method, path, what it is, and why. */
const refusals: readonly (readonly [HTTPMethods | readonly HTTPMethods[], string, string, string])[] = [
  ['POST', '/sandboxes/:id/snapshots', 'createSnapshot', noSnapshots],
  ['GET', '/snapshots', 'listSnapshots', noSnapshots],
  ['POST', '/sandboxes/:id/fork', 'fork', 'a running sandbox cannot be copied yet'],
  // Snapshots are deleted by it, too.
  ['DELETE', '/templates/:id', 'deleting a snapshot or template', 'use `hatchery image rm` for templates'],
  ['PATCH', '/templates/:id', 'changing a template', noBuilds],
  ['POST', '/templates', 'building a template', noBuilds],
  ['POST', '/v2/templates', 'building a template', noBuilds],
  ['POST', '/v3/templates', 'building a template', noBuilds],
  ['POST', '/templates/:id', 'building a template', noBuilds],
  ['POST', '/templates/:id/builds/:build', 'building a template', noBuilds],
  ['POST', '/v2/templates/:id/builds/:build', 'building a template', noBuilds],
  ['GET', '/templates/:id/builds/:build/status', 'the status of a build', noBuilds],
  ['GET', '/templates/:id/builds/:build/logs', 'the log of a build', noBuilds],
  ['GET', '/templates/:id/files/:hash', 'uploading files of a build', noBuilds],
  ['GET', '/templates/:id/tags', 'tags of templates', noBuilds],
  [['POST', 'DELETE'], '/templates/tags', 'tags of templates', noBuilds],
  ['GET', '/templates', 'listing templates', 'use `hatchery image ls`'],
  ['GET', '/v2/templates', 'listing templates', 'use `hatchery image ls`'],
  ['GET', '/templates/:id', 'showing a template', 'use `hatchery image ls`'],
  ['PATCH', '/v2/templates/:id', 'changing a template', noBuilds],
  [['GET', 'POST'], '/volumes', 'volumes', noVolumes],
  [['GET', 'DELETE'], '/volumes/:id', 'volumes', noVolumes],
  [['GET', 'PATCH', 'DELETE'], '/volumecontent/:id/path', 'volumes', noVolumes],
  [['GET', 'POST'], '/volumecontent/:id/dir', 'volumes', noVolumes],
  [['GET', 'PUT'], '/volumecontent/:id/file', 'volumes', noVolumes],
  [['GET', 'POST'], '/secrets', 'secrets', noSecrets],
  [['GET', 'POST', 'DELETE'], '/secrets/:id', 'secrets', noSecrets],
  ['GET', '/teams', 'teams', noTeams],
  ['GET', '/teams/:id/metrics', 'metrics of a team', noTeams],
  ['GET', '/teams/:id/metrics/max', 'metrics of a team', noTeams],
  [['GET', 'POST'], '/api-keys', 'API keys over HTTP', noKeys],
  [['PATCH', 'DELETE'], '/api-keys/:id', 'API keys over HTTP', noKeys],
  ['POST', '/access-tokens', 'access tokens', noKeys],
  ['DELETE', '/access-tokens/:id', 'access tokens', noKeys],
  ['GET', '/nodes', 'nodes', noNodes],
  [['GET', 'POST'], '/nodes/:id', 'nodes', noNodes],
];

/** Answers 501 for each, naming it, before a body of whatever type is looked at. */
export function addRefusals(app: FastifyInstance): void {
  for (const [method, url, what, why] of refusals) {
    const methods = typeof method === 'string' ? [method] : [...method];
    app.route({
      method: methods,
      url,
      ...docs(what, { answers: { 501: `not here: ${why}` } }),
      onRequest: async () => {
        throw notSupported(what, why);
      },
      handler: () => {},
    });
  }
}
