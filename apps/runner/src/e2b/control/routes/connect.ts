import { HatcheryError } from '@hatchery/runtime';
import type { FastifyInstance } from 'fastify';
import { resume } from '../../../hosted/resume.ts';
import { BodyShape } from '../../../serve/body-shape.ts';
import { ControlError } from '../../../serve/control-error.ts';
import { docs } from '../../../serve/route-docs.ts';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import type { E2bContext } from '../control-context.ts';
import { findLasting, isEnding } from '../find-hosted.ts';
import { notSupported } from '../not-supported.ts';
import { sandboxView } from '../sandbox-view.ts';
import { extendTimeout, timeoutMs } from '../timeouts.ts';

interface Body {
  timeout?: number;
  memory?: boolean | null;
}

const properties = { timeout: { type: 'integer' }, memory: { type: ['boolean', 'null'] } };
const connectBody = new BodyShape<Body>(properties);
const resumeBody = new BodyShape<Body & { autoPause?: boolean }>({
  ...properties,
  autoPause: { type: ['boolean', 'null'] },
});

/** Seconds, where the body has none. */
const connectTimeout = 300;
const resumeTimeout = 15;

interface Route {
  Params: { id: string };
}

/**
 * POST /sandboxes/:id/connect and /v2/…: 200 of one that runs, whose time is extended if need be; 201 of one that had to be
 * resumed, whose time begins now. POST /sandboxes/:id/resume is the second alone.
 */
export function addConnect(app: FastifyInstance, context: E2bContext): void {
  const connected = docs('Connect to a sandbox, which is resumed if need be', {
    body: connectBody.schema,
    answers: {
      200: 'it runs already',
      201: 'it was resumed',
      404: 'there is no such sandbox',
      409: 'it is being killed',
    },
  });
  for (const path of ['/sandboxes/:id/connect', '/v2/sandboxes/:id/connect']) {
    app.post<Route>(path, connected, async ({ params, body }, reply) => {
      const { timeout = connectTimeout, memory } = connectBody.read(body);
      const ms = timeoutMs(timeout, context.maxTimeoutMs);
      const hosted = findLasting(context, params.id);
      const isRunning = hosted.sandbox.state === 'running';
      if (!isRunning) await bringBack(hosted, ms, memory !== false);
      extendTimeout(hosted, ms);
      return reply.code(isRunning ? 200 : 201).send(sandboxView(hosted, context.domain()));
    });
  }

  const resumed = docs('Resume a sandbox', {
    body: resumeBody.schema,
    answers: { 201: 'it was resumed', 404: 'there is no such sandbox', 409: 'it runs already' },
  });
  app.post<Route>('/sandboxes/:id/resume', resumed, async ({ params, body }, reply) => {
    const { timeout = resumeTimeout, memory, autoPause } = resumeBody.read(body);
    const ms = timeoutMs(timeout, context.maxTimeoutMs);
    const hosted = findLasting(context, params.id);
    if (typeof autoPause === 'boolean' && autoPause !== hosted.details.autoPause)
      throw notSupported('another autoPause at a resume', 'it stays what it was at the create');
    if (hosted.sandbox.state === 'running') throw new ControlError(409, `Sandbox "${hosted.id}" is already running`);
    await bringBack(hosted, ms, memory !== false);
    return reply.code(201).send(sandboxView(hosted, context.domain()));
  });
}

async function bringBack(hosted: HostedSandbox, ms: number, keepsMemory: boolean): Promise<void> {
  const { sandbox } = hosted;
  try {
    // What it had is thrown away: it boots from its files.
    if (!keepsMemory && sandbox.state === 'paused') await sandbox.stop();
    // Before: between a resume and a new timeout the old one could pass.
    if (sandbox.state === 'paused' || sandbox.state === 'stopped') sandbox.setTimeout(ms);
    await resume(sandbox);
  } catch (error) {
    if (!(error instanceof HatcheryError) || error.code !== 'ERR_SANDBOX_STATE') throw error;
    const what = isEnding(hosted) ? 'is being killed' : `is ${sandbox.state}, and others change it: try again`;
    throw new ControlError(409, `Sandbox "${hosted.id}" ${what}`);
  }
}
