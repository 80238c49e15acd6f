import type { FastifyInstance } from 'fastify';
import type { BoxliteContext } from '../boxlite-context.ts';
import { boxDocs, noBox } from '../docs.ts';
import { execBody, readExec } from '../executions/exec-request.ts';

/** POST /boxes/:id/exec: it runs when this answers, and its output waits for who attaches. */
export function addExec(app: FastifyInstance, { boxes, executions }: BoxliteContext): void {
  const told = boxDocs('Start a program', {
    body: execBody.schema,
    answers: {
      201: 'it runs; attach to it for its output',
      409: 'the box is stopped, and is not to be started by a use',
      422: 'there is no such program, or it cannot be executed',
      429: 'too many run already',
      ...noBox,
    },
  });
  app.post<{ Params: { id: string } }>('/boxes/:id/exec', told, async ({ params, body }, reply) => {
    const request = readExec(body);
    const box = boxes.require(params.id);
    const { id } = await executions.of(box).start(request);
    return reply.code(201).header('location', `/v1/boxes/${box.id}/executions/${id}`).send({ execution_id: id });
  });
}
