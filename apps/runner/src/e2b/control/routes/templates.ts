import type { FastifyInstance } from 'fastify';
import { ControlError } from '../../../serve/control-error.ts';
import { docs } from '../../../serve/route-docs.ts';
import type { E2bContext } from '../control-context.ts';

/** GET /templates/aliases/:alias: whether there is a template of that name. */
export function addTemplates(app: FastifyInstance, { templates }: E2bContext): void {
  const told = docs('Whether there is a template', { answers: { 200: 'there is', 404: 'there is none' } });
  app.get<{ Params: { alias: string } }>('/templates/aliases/:alias', told, ({ params }, reply) => {
    const template = templates.find(params.alias);
    if (template === undefined) throw new ControlError(404, `template '${params.alias}' not found`);
    return reply.send({ templateID: template.id, public: false });
  });
}
