import type { SandboxFiles } from '@hatchery/runtime';
import type { FastifyInstance } from 'fastify';
import { requireSandbox, type ServeContext } from '../context.ts';
import { type FileRoute, makeOptionsOf, numbersOf, requirePath } from '../file-query.ts';
import { renameSchema } from '../schemas.ts';
import { untilGone } from '../until-gone.ts';

/** Entries of a list whose page nobody has measured. */
const defaultPage = 1000;

interface Rename {
  Params: { id: string };
  Body: { from: string; to: string };
}

/** What is told of and done to files by their names: stat, list, make a directory, rename, remove. */
export function addFiles(app: FastifyInstance, context: ServeContext): void {
  const filesOf = ({ id }: { id: string }): SandboxFiles => requireSandbox(context, id).files;

  app.get<FileRoute>('/v1/sandboxes/:id/files', ({ params, query }, reply) =>
    filesOf(params).stat(requirePath(query), { signal: untilGone(reply) }),
  );

  // A client that has gone does not take back what it has asked for.
  app.delete<FileRoute>('/v1/sandboxes/:id/files', async ({ params, query }, reply) => {
    await filesOf(params).remove(requirePath(query));
    return reply.code(204).send();
  });

  app.get<FileRoute>('/v1/sandboxes/:id/files/list', async ({ params, query }, reply) => {
    const { after } = query;
    const page = {
      limit: defaultPage,
      ...numbersOf(query, ['depth', 'limit']),
      ...(after === undefined ? {} : { after }),
    };
    const entries = await filesOf(params).list(requirePath(query), { ...page, signal: untilGone(reply) });
    return { entries };
  });

  app.put<FileRoute>('/v1/sandboxes/:id/files/directory', ({ params, query }) =>
    filesOf(params).makeDirectory(requirePath(query), makeOptionsOf(query)),
  );

  app.post<Rename>('/v1/sandboxes/:id/files/rename', { schema: { body: renameSchema } }, ({ params, body }) =>
    filesOf(params).rename(body.from, body.to),
  );
}
