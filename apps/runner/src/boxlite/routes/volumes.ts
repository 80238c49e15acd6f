import type { FastifyInstance } from 'fastify';
import { BodyShape } from '../../serve/body-shape.ts';
import { queryOf } from '../../serve/query-of.ts';
import type { BoxliteContext } from '../boxlite-context.ts';
import { boxDocs } from '../docs.ts';
import { readFlag } from '../read-flag.ts';
import { usersOf } from '../volumes/users-of.ts';
import type { Volume } from '../volumes/volume.ts';

interface Route {
  Params: { volume: string };
}

const volumeBody = new BodyShape<{ name?: string }>({ name: { type: 'string' } });
const noVolume = { 404: 'there is no such volume' };

/** /volumes: directories that boxes share and that outlive them. */
export function addVolumes(app: FastifyInstance, { volumes, boxes }: BoxliteContext): void {
  const made = boxDocs('Make a volume', {
    body: volumeBody.schema,
    answers: { 201: 'it is there; without a name it is called by its id', 409: 'the name is taken' },
  });
  app.post('/volumes', made, async ({ body }, reply) => {
    const { name } = volumeBody.read(body);
    return await reply.code(201).send(volumeView(await volumes.create(name)));
  });

  const listed = boxDocs('List the volumes', { answers: { 200: 'by the time they were made' } });
  app.get('/volumes', listed, (_request, reply) => reply.send({ volumes: volumes.list().map(volumeView) }));

  const shown = boxDocs('Show a volume', { answers: { 200: 'what it is', ...noVolume } });
  app.get<Route>('/volumes/:volume', shown, ({ params }, reply) =>
    reply.send(volumeView(volumes.require(params.volume))),
  );

  const removed = boxDocs('Remove a volume with what is in it', {
    query: { force: 'true: one that is not there is fine' },
    answers: { 204: 'it is gone', 409: 'boxes use it, running or stopped', ...noVolume },
  });
  app.delete<Route>('/volumes/:volume', removed, async ({ params, url }, reply) => {
    const force = readFlag('force', queryOf(url).get('force'));
    await volumes.remove(params.volume, (volume) => usersOf(volume, boxes.all()), { force });
    return await reply.code(204).send();
  });
}

function volumeView({ id, name, createdAt }: Volume): Readonly<Record<string, string>> {
  const at = createdAt.toISOString();
  return { id, name, state: 'ready', created_at: at, updated_at: at };
}
