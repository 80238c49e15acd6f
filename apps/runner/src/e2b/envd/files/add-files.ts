import type { FastifyInstance } from 'fastify';
import { takeAnyBody } from '../../../serve/body-of.ts';
import { compileValidator } from '../../../serve/validator.ts';
import { EnvdError } from '../envd-error.ts';
import { authorizeFile } from './authorize-file.ts';
import { type Composition, composeFiles, compositionSchema } from './compose-files.ts';
import { readFile } from './read-file.ts';
import { writeFiles } from './write-files.ts';

/** The content of files over plain HTTP: GET /files, POST /files, POST /files/compose. */
export function addFiles(app: FastifyInstance): void {
  // By name: the framework's own HEAD would say that there are no bytes.
  app.route({ method: ['GET', 'HEAD'], url: '/files', onRequest: authorizeFile('read'), handler: readFile });
  void app.register(async (uploads) => {
    takeAnyBody(uploads);
    uploads.post('/files', { onRequest: authorizeFile('write') }, writeFiles);
  });
  const whyWrong = compileValidator(compositionSchema);
  app.post<{ Body: Composition }>('/files/compose', async (request, reply) => {
    const trouble = whyWrong(request.body);
    if (trouble !== null) throw new EnvdError(400, `invalid request body: ${trouble}`);
    return await composeFiles(request, reply);
  });
}
