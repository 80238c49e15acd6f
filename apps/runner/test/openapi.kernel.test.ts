import { expect, it } from 'vitest';
import { useServer } from './server.ts';

const server = useServer();

interface Operation {
  summary?: string;
  security?: unknown[];
}

it('GET /openapi.json tells what is served, and nothing else', async () => {
  const { url, key } = server();
  const ask = (path: string, method = 'GET'): Promise<Response> =>
    fetch(`${url}${path}`, { method: method.toUpperCase(), headers: { 'x-api-key': key } });
  const document = (await (await ask('/openapi.json')).json()) as {
    openapi: string;
    security: unknown[];
    paths: Record<string, Record<string, Operation>>;
  };
  expect(document.openapi).toMatch(/^3\.1\./);
  expect(document.security).toHaveLength(2);
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, path, method, operation })),
  );
  const names = operations.map(({ name }) => name);
  for (const known of ['get /health', 'get /metrics', 'get /openapi.json', 'post /v2/sandboxes', 'get /v2/sandboxes'])
    expect(names).toContain(known);
  for (const known of ['delete /sandboxes/{id}', 'post /v1/boxes', 'delete /v1/boxes/{id}'])
    expect(names).toContain(known);
  // Each is asked for: what has no route says so.
  for (const { name, path, method } of operations.filter((one) => one.method !== 'head')) {
    const answer = await ask(path.replaceAll(/\{\w+\}/g, 'x'), method);
    expect([name, await answer.text()]).not.toEqual([name, expect.stringContaining('has no such path')]);
  }
  expect(operations.filter(({ operation }) => operation.summary === undefined).map(({ name }) => name)).toEqual([]);
  expect(operations.filter(({ operation }) => operation.security?.length === 0).map(({ path }) => path)).toEqual([
    '/health',
    '/v1/config',
  ]);
});

it('needs a key', async () => {
  expect((await fetch(`${server().url}/openapi.json`)).status).toBe(401);
});
