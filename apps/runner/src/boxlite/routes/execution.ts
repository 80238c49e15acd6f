import type { FastifyInstance } from 'fastify';
import { BodyShape } from '../../serve/body-shape.ts';
import { BoxError } from '../box-error.ts';
import type { BoxliteContext } from '../boxlite-context.ts';
import { boxDocs } from '../docs.ts';
import type { BoxExecution } from '../executions/box-execution.ts';
import { signalOf } from '../executions/box-signals.ts';
import { executionView } from '../executions/execution-view.ts';

interface Route {
  Params: { id: string; execution: string };
}

const path = '/boxes/:id/executions/:execution';
const none = { 404: 'there is no such box or execution' };
const side = { type: 'integer', minimum: 1, maximum: 65_535 };
const signalBody = new BodyShape<{ signal: number }>({ signal: { type: 'integer' } }, ['signal']);
const resizeBody = new BodyShape<{ cols: number; rows: number }>({ cols: side, rows: side }, ['cols', 'rows']);

/** GET and DELETE /boxes/:id/executions/:execution, POST …/signal and …/resize: at any time, attached or not. */
export function addExecution(app: FastifyInstance, { boxes, executions }: BoxliteContext): void {
  const find = ({ id, execution }: Route['Params']): BoxExecution => executions.of(boxes.require(id)).find(execution);
  const findRunning = (params: Route['Params']): BoxExecution => {
    const found = find(params);
    if (found.status === null) return found;
    throw new BoxError('invalid_state', `execution "${found.id}" has ended`);
  };

  const shown = boxDocs('How an execution does', { answers: { 200: 'whether it runs, or how it ended', ...none } });
  app.get<Route>(path, shown, ({ params }, reply) => reply.send(executionView(find(params))));

  const killed = boxDocs('Kill an execution and forget it', {
    answers: { 204: 'it is dead, and nobody finds it any more', ...none },
  });
  app.delete<Route>(path, killed, async ({ params }, reply) => {
    await executions.of(boxes.require(params.id)).evict(params.execution);
    return reply.code(204).send();
  });

  const signalled = boxDocs('Send a signal to an execution', {
    body: signalBody.schema,
    answers: { 204: 'it was sent', 409: 'it has ended', ...none },
  });
  app.post<Route>(`${path}/signal`, signalled, async ({ params, body }, reply) => {
    const signal = signalOf(signalBody.read(body).signal);
    await findRunning(params).execution.kill(signal);
    return reply.code(204).send();
  });

  const resized = boxDocs('Change the size of an execution’s terminal', {
    body: resizeBody.schema,
    answers: { 204: 'it has it', 409: 'it has ended', ...none },
  });
  app.post<Route>(`${path}/resize`, resized, async ({ params, body }, reply) => {
    const { cols: columns, rows } = resizeBody.read(body);
    await findRunning(params).execution.resize({ columns, rows });
    return reply.code(204).send();
  });

  // Upgrades do not come here.
  const attached = boxDocs('Attach to an execution, as a WebSocket', {
    answers: { 101: 'frames of its input and output from here on', 409: 'somebody is attached', ...none },
  });
  app.get<Route>(`${path}/attach`, attached, () => {
    throw new BoxError(
      'invalid_argument',
      'this is a WebSocket: ask for an upgrade of HTTP/1.1, with nothing on the connection before it is answered',
    );
  });
}
