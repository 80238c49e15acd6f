import { Code, ConnectError } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  EventType,
  EventTypeSchema,
  type FilesystemEvent,
  type WatchDirResponse,
} from '../../src/e2b/envd/protocol/filesystem.generated.ts';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { useEnvd } from './envd-server.ts';
import { filesystemClient } from './filesystem-client.ts';

const used = useEnvd();
let box: HostedSandbox;
let places = 0;

beforeAll(async () => {
  box = await used.create();
});
afterAll(() => box.sandbox.destroy());

const client = (): ReturnType<typeof filesystemClient> => filesystemClient(used, box);

async function shell(script: string): Promise<void> {
  const { stderr, exitCode } = await box.sandbox.run(['sh', '-c', script], { user: 'root' });
  expect([exitCode, stderr.toString()]).toEqual([0, '']);
}

/** An empty directory of its own. */
async function place(): Promise<string> {
  places += 1;
  const path = `/srv/place-${places}`;
  await shell(`mkdir ${path}`);
  return path;
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.catch((error: unknown) => error);
  expect(error).toBeInstanceOf(ConnectError);
  return Code[(error as ConnectError).code];
}

const shown = ({ type, name }: FilesystemEvent): string => `${EventTypeSchema.value[type]?.localName} ${name}`;

/** A stream of what happens in a directory, once its `start` has come. */
class Watched {
  readonly #abort = new AbortController();
  readonly #messages: AsyncIterator<WatchDirResponse>;
  readonly events: FilesystemEvent[] = [];

  private constructor(request: object, headers: Record<string, string>, timeoutMs?: number) {
    const options = { signal: this.#abort.signal, headers, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
    this.#messages = client().watchDir(request, options)[Symbol.asyncIterator]();
  }

  static async begin(request: object, headers: Record<string, string> = {}, timeoutMs?: number): Promise<Watched> {
    const watched = new Watched(request, headers, timeoutMs);
    expect((await watched.next())?.event.case).toBe('start');
    return watched;
  }

  async next(): Promise<WatchDirResponse | null> {
    const { value, done } = await this.#messages.next();
    return done === true ? null : value;
  }

  /** Reads until this has been told; all that came is returned. */
  async until(wanted: string): Promise<string[]> {
    while (!this.events.some((event) => shown(event) === wanted)) {
      const message = await this.next();
      if (message === null) throw new Error(`the stream ended after ${this.events.map(shown).join(', ')}`);
      if (message.event.case === 'filesystem') this.events.push(message.event.value);
    }
    return this.events.map(shown);
  }

  async end(): Promise<void> {
    this.#abort.abort();
    await this.#messages.next().catch(() => {});
  }
}

describe('a stream of what happens in a directory', () => {
  it('names each change from the directory on, with a move as the old name and the new', async () => {
    const path = await place();
    const watched = await Watched.begin({ path });
    await shell(`cd ${path}; echo 1 > f; chmod 600 f; mv f g; mkdir d; echo > d/below; rm g; touch last`);
    const told = await watched.until('CREATE last');
    for (const event of ['CREATE f', 'WRITE f', 'CHMOD f', 'RENAME f', 'CREATE g', 'CREATE d', 'REMOVE g'])
      expect(told).toContain(event);
    expect(told.indexOf('RENAME f')).toBeLessThan(told.indexOf('CREATE g'));
    expect(told.filter((event) => event.includes('below'))).toEqual([]);
    expect(watched.events.every(({ entry }) => entry === undefined)).toBe(true);
    await watched.end();
  });

  it('goes down into directories that are made later, and tells of what was written in them at once', async () => {
    // Mutation: mayBeWritten() is false: what was written before its directory was watched is told by CREATE alone.
    const path = await place();
    const watched = await Watched.begin({ path, recursive: true });
    for (let round = 0; round < 20; round += 1) {
      await shell(`mkdir -p ${path}/n${round}/deep; echo 1 > ${path}/n${round}/deep/file`);
      expect(await watched.until(`WRITE n${round}/deep/file`)).toContain(`CREATE n${round}/deep/file`);
    }
    await watched.end();
  });

  it('has the entry of what is made, written or changed where that is asked for', async () => {
    const path = await place();
    const watched = await Watched.begin({ path, includeEntry: true });
    await shell(`cd ${path}; echo 1 > f; chmod 600 f; mkdir d; mv f g; rm g; touch last`);
    await watched.until('CREATE last');
    expect(watched.events.find((event) => shown(event) === 'CREATE d')?.entry).toMatchObject({
      path: `${path}/d`,
      owner: 'root',
    });
    for (const event of watched.events.filter(({ type }) => type === EventType.REMOVE || type === EventType.RENAME))
      expect(event.entry).toBeUndefined();
    await watched.end();
  });

  it('goes through a symlink to the directory, and follows what it names', async () => {
    const path = await place();
    await shell(`ln -s ${path} ${path}-link`);
    const watched = await Watched.begin({ path: `${path}-link/./` });
    await shell(`touch ${path}/f`);
    expect(await watched.until('CREATE f')).toContain('CREATE f');
    await watched.end();
  });

  it('refuses what is not there, a file, and a user who is none, in the last frame', async () => {
    await shell('echo > /srv/file');
    const code = (path: string): Promise<string> => codeOf(Watched.begin({ path }));
    expect(await code('/none')).toBe('NotFound');
    expect(await code('/srv/file')).toBe('InvalidArgument');
    const headers = { Authorization: `Basic ${Buffer.from('none:').toString('base64')}` };
    expect(await codeOf(Watched.begin({ path: '/srv' }, headers))).toBe('Unauthenticated');
  });

  it('ends when the client’s time is up, when the directory goes, and with the sandbox', async () => {
    const path = await place();
    const timed = await Watched.begin({ path }, {}, 300);
    expect(await codeOf(timed.next())).toBe('DeadlineExceeded');
    const gone = await Watched.begin({ path });
    await shell(`rmdir ${path}`);
    await gone.until('REMOVE .');
    expect(await gone.next()).toBe(null);
    const other = await used.create();
    const messages = filesystemClient(used, other).watchDir({ path: '/srv' })[Symbol.asyncIterator]();
    await messages.next();
    await other.sandbox.destroy();
    expect(await codeOf(messages.next())).toBe('Unavailable');
  });

  it('says that it is alive when nothing happens', async () => {
    const path = await place();
    const watched = await Watched.begin({ path }, { 'Keepalive-Ping-Interval': '1' });
    expect((await watched.next())?.event.case).toBe('keepalive');
    await watched.end();
  });

  it('leaves nothing behind when its client goes away', async () => {
    const path = await place();
    const before = await inotifyWatches();
    for (let round = 0; round < 10; round += 1) await (await Watched.begin({ path, recursive: true })).end();
    await vi.waitFor(async () => expect(await inotifyWatches()).toBe(before), { timeout: 10_000 });
  });
});

describe('a watch that is asked for what has happened', () => {
  it('tells each event once, to whoever has its id, until it is removed', async () => {
    const path = await place();
    const { watcherId } = await client().createWatcher({ path, recursive: true, includeEntry: true });
    expect((await client().getWatcherEvents({ watcherId })).events).toEqual([]);
    await shell(`mkdir ${path}/d; echo 1 > ${path}/d/f; touch ${path}/last`);
    const events: FilesystemEvent[] = [];
    await vi.waitFor(
      async () => {
        events.push(...(await client().getWatcherEvents({ watcherId })).events);
        expect(events.map(shown)).toContain('CREATE last');
      },
      { timeout: 10_000 },
    );
    expect(events.map(shown)).toContain('CREATE d/f');
    expect(events.find((event) => shown(event) === 'CREATE d')?.entry?.path).toBe(`${path}/d`);
    await client().removeWatcher({ watcherId });
    expect(await codeOf(client().getWatcherEvents({ watcherId }))).toBe('NotFound');
    expect(await codeOf(client().removeWatcher({ watcherId }))).toBe('NotFound');
  });

  it('is its sandbox’s alone, and refuses what a stream does', async () => {
    const other = await used.create();
    const { watcherId } = await client().createWatcher({ path: '/srv' });
    expect(await codeOf(filesystemClient(used, other).getWatcherEvents({ watcherId }))).toBe('NotFound');
    expect(await codeOf(filesystemClient(used, other).removeWatcher({ watcherId }))).toBe('NotFound');
    await client().removeWatcher({ watcherId });
    await other.sandbox.destroy();
    expect(await codeOf(client().createWatcher({ path: '/none' }))).toBe('NotFound');
    expect(await codeOf(client().createWatcher({ path: '/etc/passwd' }))).toBe('InvalidArgument');
  });

  it('ends with its sandbox’s run, and leaves nothing behind', async () => {
    const before = await inotifyWatches();
    const other = await used.create();
    await filesystemClient(used, other).createWatcher({ path: '/srv' });
    await other.sandbox.destroy();
    await vi.waitFor(async () => expect(await inotifyWatches()).toBe(before), { timeout: 10_000 });
  });
});

it('a sandbox has 16 watches of both kinds together; one more is refused until one has ended', async () => {
  const path = await place();
  const streams = await Promise.all(Array.from({ length: 8 }, () => Watched.begin({ path })));
  const watchers = await Promise.all(Array.from({ length: 8 }, () => client().createWatcher({ path })));
  expect(await codeOf(client().createWatcher({ path }))).toBe('ResourceExhausted');
  expect(await codeOf(Watched.begin({ path }))).toBe('ResourceExhausted');
  const other = await used.create();
  const { watcherId } = await filesystemClient(used, other).createWatcher({ path: '/srv' });
  await filesystemClient(used, other).removeWatcher({ watcherId });
  await other.sandbox.destroy();
  for (const watched of streams) await watched.end();
  for (const { watcherId } of watchers) await client().removeWatcher({ watcherId });
  // A place is free once the server has seen that the client is gone.
  for (let count = 0; count < 16; count += 1)
    await vi.waitFor(() => client().createWatcher({ path }), { timeout: 10_000 });
});

/** Of this process, which is that of envd. */
async function inotifyWatches(): Promise<number> {
  const { readdirSync, readFileSync } = await import('node:fs');
  return readdirSync('/proc/self/fdinfo').flatMap((fd) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('inotify wd'));
    } catch {
      return [];
    }
  }).length;
}
