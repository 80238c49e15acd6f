import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fastify } from 'fastify';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Client } from '../src/client/client.ts';
import { listen } from '../src/serve/listen.ts';
import { finish, hatchery, sees, shellCommand, start } from './hatchery.ts';
import { Server, serveIn, useRunDirectory } from './server.ts';

// Up to six servers each.
vi.setConfig({ testTimeout: 90_000 });

async function serving(directory: string, args: readonly string[] = []): Promise<Server> {
  const server = await Server.start(directory, args);
  onTestFinished(async () => void (await server.stop()));
  return server;
}

describe('serve', () => {
  it('listens for its own user only, ends with 0 on SIGTERM and SIGINT, and takes its socket along', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const server = await serving(useRunDirectory());
      expect(lstatSync(server.socket).mode & 0o777).toBe(0o600);
      expect(await server.stop(signal)).toBe(0);
      expect(existsSync(server.socket)).toBe(false);
    }
  });

  // Mutation: listen at the path itself and chmod it then.
  it('is at its path only when nobody else can connect any more', async () => {
    const path = join(useRunDirectory(), 'test.sock');
    const app = fastify();
    const seen: unknown[] = [];
    const listenForReal = app.listen.bind(app);
    app.listen = (async (options: { path: string }) => {
      const address = await listenForReal(options);
      seen.push(statSync(dirname(options.path)).mode & 0o777, existsSync(path));
      return address;
    }) as typeof app.listen;
    using _socket = await listen(app, path);
    expect([...seen, lstatSync(path).mode & 0o777]).toEqual([0o700, false, 0o600]);
    await app.close();
  });

  it('replaces the socket of a server that was killed', async () => {
    const directory = useRunDirectory();
    const killed = await serving(directory);
    await killed.stop('SIGKILL');
    expect(existsSync(killed.socket)).toBe(true);
    const server = await serving(directory);
    expect(await server.run(['ps'])).toMatchObject({ code: 0, stderr: '' });
  });

  it('refuses an instance that another one owns, and that one goes on', async () => {
    const server = await serving(useRunDirectory());
    const second = await hatchery([...serveIn(server.runDirectory), '--socket', `${server.socket}2`]);
    expect(second.code).toBe(125);
    expect(second.stderr).toMatch(new RegExp(`ERR_INSTANCE_LOCKED\\] .*${server.pid}`));
    expect((await server.run(['ps'])).code).toBe(0);
  });

  it('leaves a socket alone at which somebody answers, and a file that is none', async () => {
    const server = await serving(useRunDirectory());
    const directory = useRunDirectory();
    const second = await hatchery([...serveIn(directory), '--socket', server.socket]);
    expect([second.code, second.stderr]).toEqual([125, expect.stringContaining('[ERR_SERVER_RUNNING]')]);
    expect((await server.run(['ps'])).code).toBe(0);
    const file = join(directory, 'file');
    writeFileSync(file, 'kept');
    const third = await hatchery([...serveIn(directory), '--socket', file]);
    expect([third.code, third.stderr]).toEqual([125, expect.stringContaining('[ERR_SERVER_SOCKET]')]);
    expect(readFileSync(file, 'utf8')).toBe('kept');
    const long = join(directory, 'x'.repeat(100));
    const fourth = await hatchery([...serveIn(directory), '--socket', long]);
    expect([fourth.code, fourth.stderr]).toEqual([125, expect.stringContaining('too long')]);
    const absent = join(directory, 'absent', 'sock');
    const fifth = await hatchery([...serveIn(directory), '--socket', absent]);
    expect([fifth.code, fifth.stderr]).toEqual([125, expect.stringMatching(/ERR_SERVER_SOCKET\].*ENOENT/)]);
  });

  it('goes on when nobody reads its log any more', async () => {
    const server = await serving(useRunDirectory());
    server.closeLog();
    for (let request = 0; request < 3; request++) expect((await server.run(['ps'])).code).toBe(0);
    expect(await server.stop()).toBe(0);
  });

  // Mutation: the logger's destination has no listener for its errors.
  it('goes on when its log has no room', async () => {
    const directory = useRunDirectory();
    const script = `exec ${shellCommand} ${serveIn(directory).join(' ')} --log-level debug 2>/dev/full`;
    const child = spawn('sh', ['-c', script]);
    const exited = once(child, 'exit');
    onTestFinished(() => void child.kill('SIGKILL'));
    const client = new Client(join(directory, 'hatchery.sock'));
    const answers = (): Promise<boolean> =>
      client.call('GET', '/v1/sandboxes').then(
        () => true,
        () => false,
      );
    while (child.exitCode === null && !(await answers())) await new Promise((resolve) => setImmediate(resolve));
    for (let request = 0; request < 3; request++) expect(await answers()).toBe(true);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });
});

describe('without a server', () => {
  it('every command that needs one says how to start one, and fails', async () => {
    const nowhere = { env: { ...process.env, HATCHERY_SOCKET: join(useRunDirectory(), 'none.sock') } };
    for (const args of [
      ['create'],
      ['exec', 'a', 'true'],
      ['exec', '-d', 'a', 'true'],
      ['ps'],
      ['logs', 'a'],
      ['events'],
      ['pause', 'a'],
      ['resume', 'a'],
      ['stop', 'a'],
      ['start', 'a'],
      ['stats'],
      ['census'],
      ['gc'],
      ['rm', 'a'],
      ['rm', '--all'],
    ]) {
      const { code, stdout, stderr } = await hatchery(args, nowhere);
      expect([args, code, stdout.toString()]).toEqual([args, 125, '']);
      expect(stderr).toMatch(/^hatchery: \[ERR_SERVER_UNREACHABLE\] .*none\.sock.*hatchery serve.*\n$/);
    }
  });

  it('an attached program is told as lost when its server is killed', async () => {
    const server = await serving(useRunDirectory());
    await server.client.call('POST', '/v1/sandboxes', { body: { id: 'box' } });
    const child = start(['exec', 'box', 'sh', '-c', 'echo ready; exec sleep 1000'], server.env);
    const finished = finish(child);
    await sees(child.stdout, 'ready');
    await server.stop('SIGKILL');
    const { code, stderr } = await finished;
    expect([code, stderr]).toEqual([125, expect.stringContaining('[ERR_SERVER_LOST]')]);
  });
});
