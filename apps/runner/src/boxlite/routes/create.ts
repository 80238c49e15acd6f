import type { FastifyInstance } from 'fastify';
import { untilGone } from '../../serve/until-gone.ts';
import { boxSpec } from '../boxes/box-spec.ts';
import { boxView } from '../boxes/box-view.ts';
import { findImage } from '../boxes/find-image.ts';
import { newBoxBody, readNewBox } from '../boxes/new-box.ts';
import type { BoxliteContext } from '../boxlite-context.ts';
import { boxDocs } from '../docs.ts';

/** POST /boxes. A box runs from its create on. A client that goes away before it is made gets none. */
export function addCreate(app: FastifyInstance, context: BoxliteContext): void {
  const { boxes, templates, metrics, counters, volumes } = context;
  const told = boxDocs('Make a box', {
    body: newBoxBody.schema,
    answers: {
      201: 'it runs',
      404: 'there is no such volume',
      409: 'the name is taken',
      422: 'there is no such image',
      429: 'the machine has no room for it',
      501: 'something was asked for that hatchery does not have',
    },
  });
  app.post('/boxes', told, async ({ body }, reply) => {
    const box = await counters.creating(async () => {
      const request = readNewBox(body);
      using held = volumes.hold(request.volumes);
      const spec = boxSpec(request, findImage(templates, request.image), held.mounts);
      const made = await metrics.creating(async () => {
        const created = await boxes.create(request.name, spec, { signal: untilGone(reply) });
        return { box: created, createdFrom: created.sandbox.createdFrom };
      });
      return made.box;
    });
    return reply.code(201).header('location', `/v1/boxes/${box.id}`).send(boxView(box));
  });
}
