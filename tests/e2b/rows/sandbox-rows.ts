import { expect, vi } from 'vitest';
import { askHost } from '../ask-port.ts';
import type { Row } from '../row.ts';

const unknownId = 'i00000000000000000000';
const bootId = 'cat /proc/sys/kernel/random/boot_id; cat /proc/1/stat | cut -d" " -f22';

/** How sandboxes are made, found, changed and ended. */
export const sandboxRows: readonly Row[] = [
  {
    method: 'Sandbox.create',
    claim: 'a sandbox of the default template, as user, with metadata and variables',
    async run({ fresh }) {
      const sandbox = await fresh({ metadata: { purpose: 'row' }, envs: { ROW: 'yes' }, timeoutMs: 60_000 });
      const { stdout } = await sandbox.commands.run('whoami; pwd; echo $ROW; echo $HOME');
      expect(stdout).toBe('user\n/home/user\nyes\n/home/user\n');
      expect((await sandbox.getInfo()).metadata).toEqual({ purpose: 'row' });
    },
  },
  {
    method: 'Sandbox.create',
    claim: 'a template that is not there',
    async run({ client }) {
      await expect(client.Sandbox.create('no-such-template')).rejects.toThrow(/404: .*no-such-template/);
    },
  },
  {
    method: 'Sandbox.create',
    claim: 'a key that is none',
    async run({ client }) {
      const apiKey = `e2b_${'0'.repeat(40)}`;
      await expect(client.Sandbox.create({ apiKey })).rejects.toBeInstanceOf(client.AuthenticationError);
    },
  },
  {
    method: 'Sandbox.create',
    claim: 'a timeout of nothing, and one that is too long',
    async run({ client }) {
      await expect(client.Sandbox.create({ timeoutMs: -1 })).rejects.toThrow(/400: .*greater than 0/);
      await expect(client.Sandbox.create({ timeoutMs: 1e12 })).rejects.toThrow(/400: .*cannot be greater/);
    },
  },
  {
    method: 'Sandbox.create',
    claim: 'ends by itself when its time is up',
    async run({ fresh }) {
      const sandbox = await fresh({ timeoutMs: 1000 });
      await vi.waitFor(async () => expect(await sandbox.isRunning()).toBe(false), { timeout: 15_000, interval: 100 });
    },
  },
  {
    method: 'Sandbox.create',
    claim: 'is paused instead when its time is up, and goes on by itself when it is used (autoResume)',
    async run({ fresh }) {
      const sandbox = await fresh({ timeoutMs: 1000, lifecycle: { onTimeout: 'pause', autoResume: true } });
      await sandbox.files.write('kept', 'as it was');
      await vi.waitFor(async () => expect((await sandbox.getInfo()).state).toBe('paused'), {
        timeout: 15_000,
        interval: 100,
      });
      expect(await sandbox.files.read('kept')).toBe('as it was');
      expect((await sandbox.getInfo()).state).toBe('running');
    },
  },
  {
    method: 'Sandbox.create',
    claim: 'network rules by domain',
    refusal: 'rules by domain',
    async run({ client }) {
      const rules = { 'example.com': [{ transform: { headers: { 'x-a': 'b' } } }] };
      await client.Sandbox.create({ network: { rules } });
    },
  },
  {
    method: 'Sandbox.create',
    claim: 'a domain in allowOut',
    refusal: 'rules by domain',
    async run({ client }) {
      await client.Sandbox.create({ network: { allowOut: ['example.com'], denyOut: [client.ALL_TRAFFIC] } });
    },
  },
  {
    method: 'Sandbox.create',
    claim: 'a volume to be mounted',
    refusal: 'volumes',
    async run({ client }) {
      await client.Sandbox.create({ volumeMounts: { '/data': 'some-volume' } });
    },
  },
  {
    method: 'Sandbox.connect',
    claim: 'another client drives the same sandbox',
    async run({ client, sandbox }) {
      await sandbox.files.write('shared', 'of the first');
      const other = await client.Sandbox.connect(sandbox.sandboxId);
      expect(other.sandboxId).toBe(sandbox.sandboxId);
      expect(await other.files.read('shared')).toBe('of the first');
    },
  },
  {
    method: 'Sandbox.connect',
    claim: 'one that is not there',
    async run({ client }) {
      await expect(client.Sandbox.connect(unknownId)).rejects.toBeInstanceOf(client.SandboxNotFoundError);
    },
  },
  {
    method: 'Sandbox.connect',
    claim: 'extends the time that is left and never shortens it',
    async run({ client, fresh }) {
      const sandbox = await fresh({ timeoutMs: 120_000 });
      const { endAt } = await sandbox.getInfo();
      await client.Sandbox.connect(sandbox.sandboxId, { timeoutMs: 10_000 });
      expect((await sandbox.getInfo()).endAt.getTime()).toBe(endAt.getTime());
      await client.Sandbox.connect(sandbox.sandboxId, { timeoutMs: 600_000 });
      expect((await sandbox.getInfo()).endAt.getTime()).toBeGreaterThan(endAt.getTime());
    },
  },
  {
    method: 'Sandbox#connect',
    claim: 'resumes a paused sandbox with what was in memory',
    async run({ fresh }) {
      const sandbox = await fresh();
      const command = await sandbox.commands.run('sleep 1000', { background: true });
      const before = (await sandbox.commands.run(bootId)).stdout;
      await sandbox.pause();
      await sandbox.connect();
      expect((await sandbox.commands.run(bootId)).stdout).toBe(before);
      expect((await sandbox.commands.list()).map(({ pid }) => pid)).toContain(command.pid);
      await command.kill();
    },
  },
  {
    method: 'Sandbox.pause',
    claim: 'is not running afterwards, and true once only',
    async run({ client, fresh }) {
      const sandbox = await fresh();
      const { sandboxId } = sandbox;
      expect(await client.Sandbox.pause(sandboxId)).toBe(true);
      expect(await sandbox.isRunning()).toBe(false);
      expect((await sandbox.getInfo()).state).toBe('paused');
      expect(await client.Sandbox.pause(sandboxId)).toBe(false);
      await expect(client.Sandbox.pause(unknownId)).rejects.toBeInstanceOf(client.SandboxNotFoundError);
    },
  },
  {
    method: 'Sandbox#pause',
    claim: 'without memory: files stay, processes end, and it boots anew',
    async run({ fresh }) {
      const sandbox = await fresh();
      await sandbox.files.write('kept', 'on disk');
      const started = (await sandbox.commands.run(bootId)).stdout;
      expect(await sandbox.pause({ keepMemory: false })).toBe(true);
      await sandbox.connect();
      expect(await sandbox.files.read('kept')).toBe('on disk');
      expect((await sandbox.commands.run(bootId)).stdout).not.toBe(started);
    },
  },
  {
    method: 'Sandbox.betaPause',
    claim: 'is pause',
    async run({ client, fresh }) {
      const sandbox = await fresh();
      expect(await client.Sandbox.betaPause(sandbox.sandboxId)).toBe(true);
      expect(await sandbox.isRunning()).toBe(false);
    },
  },
  {
    method: 'Sandbox#betaPause',
    claim: 'is pause',
    async run({ fresh }) {
      const sandbox = await fresh();
      expect(await sandbox.betaPause()).toBe(true);
      expect(await sandbox.isRunning()).toBe(false);
    },
  },
  {
    method: 'Sandbox#isRunning',
    claim: 'true while it runs, false after its end',
    async run({ fresh }) {
      const sandbox = await fresh();
      expect(await sandbox.isRunning()).toBe(true);
      await sandbox.kill();
      expect(await sandbox.isRunning()).toBe(false);
    },
  },
  {
    method: 'Sandbox.kill',
    claim: 'true once, false when there is none',
    async run({ client, fresh }) {
      const { sandboxId } = await fresh();
      expect(await client.Sandbox.kill(sandboxId)).toBe(true);
      expect(await client.Sandbox.kill(sandboxId)).toBe(false);
    },
  },
  {
    method: 'Sandbox#kill',
    claim: 'ends a running command with an error that tells of the sandbox',
    async run({ client, fresh }) {
      const sandbox = await fresh();
      const command = await sandbox.commands.run('sleep 1000', { background: true });
      const ended = expect(command.wait()).rejects.toBeInstanceOf(client.SandboxError);
      expect(await sandbox.kill()).toBe(true);
      await ended;
    },
  },
  {
    method: 'Sandbox.getInfo',
    claim: 'what it was made with, and when it ends',
    async run({ client, fresh }) {
      const { sandboxId } = await fresh({ timeoutMs: 60_000, metadata: { a: 'b' } });
      const info = await client.Sandbox.getInfo(sandboxId);
      expect(info).toMatchObject({ sandboxId, templateId: 'base', state: 'running', metadata: { a: 'b' } });
      expect(info.endAt.getTime() - info.startedAt.getTime()).toBeGreaterThan(55_000);
      expect(info.cpuCount).toBeGreaterThan(0);
      expect(info.memoryMB).toBeGreaterThan(0);
      await expect(client.Sandbox.getInfo(unknownId)).rejects.toBeInstanceOf(client.SandboxNotFoundError);
    },
  },
  {
    method: 'Sandbox#getInfo',
    claim: 'is the same',
    async run({ sandbox }) {
      expect(await sandbox.getInfo()).toMatchObject({ sandboxId: sandbox.sandboxId, state: 'running' });
    },
  },
  {
    method: 'Sandbox.getFullInfo',
    claim: 'is getInfo',
    async run({ client, sandbox }) {
      const info = await client.Sandbox.getFullInfo(sandbox.sandboxId);
      expect(info.sandboxId).toBe(sandbox.sandboxId);
    },
  },
  {
    method: 'Sandbox#setTimeout',
    claim: 'sets the time from now, also a shorter one',
    async run({ fresh }) {
      const sandbox = await fresh({ timeoutMs: 600_000 });
      const { endAt } = await sandbox.getInfo();
      await sandbox.setTimeout(60_000);
      expect((await sandbox.getInfo()).endAt.getTime()).toBeLessThan(endAt.getTime() - 400_000);
    },
  },
  {
    method: 'Sandbox.setTimeout',
    claim: 'one that is not there',
    async run({ client }) {
      await expect(client.Sandbox.setTimeout(unknownId, 1000)).rejects.toBeInstanceOf(client.SandboxNotFoundError);
    },
  },
  {
    method: 'Sandbox.list',
    claim: 'by metadata with signs of URLs in it, by state, newest first',
    async run({ client, fresh }) {
      const metadata = { 'a b&c=d': `e%f+${Date.now()}` };
      const first = await fresh({ metadata });
      const second = await fresh({ metadata });
      const list = async (state: ('running' | 'paused')[]): Promise<string[]> => {
        const found = await client.Sandbox.list({ query: { metadata, state } }).nextItems();
        return found.map(({ sandboxId }) => sandboxId);
      };
      expect(await list(['running', 'paused'])).toEqual([second.sandboxId, first.sandboxId]);
      await first.pause();
      expect(await list(['running'])).toEqual([second.sandboxId]);
      expect(await list(['paused'])).toEqual([first.sandboxId]);
    },
  },
  {
    method: 'SandboxPaginator#nextItems',
    claim: 'page by page, each sandbox once, until there is no next',
    async run({ client, fresh }) {
      const metadata = { pages: String(Date.now()) };
      const made: string[] = [];
      for (let count = 0; count < 3; count++) made.unshift((await fresh({ metadata })).sandboxId);
      const pages = client.Sandbox.list({ query: { metadata }, limit: 2 });
      const found = [await pages.nextItems(), pages.hasNext, await pages.nextItems(), pages.hasNext].flat();
      const ids = found.map((item) => (typeof item === 'boolean' ? item : item.sandboxId));
      expect(ids).toEqual([made[0], made[1], true, made[2], false]);
    },
  },
  ...(['Sandbox.getMetrics', 'Sandbox#getMetrics'] as const).map(
    (method): Row => ({
      method,
      claim: 'processor, memory and disk, every five seconds',
      async run({ client, sandbox }) {
        const ask = async () =>
          method === 'Sandbox.getMetrics'
            ? await client.Sandbox.getMetrics(sandbox.sandboxId)
            : await sandbox.getMetrics();
        await vi.waitFor(async () => expect(await ask()).not.toEqual([]), { timeout: 25_000, interval: 500 });
        const [metric] = await ask();
        expect(metric?.timestamp).toBeInstanceOf(Date);
        expect(metric?.memTotal).toBeGreaterThan(metric?.memUsed ?? Number.POSITIVE_INFINITY);
        expect(metric?.diskTotal).toBeGreaterThan(0);
        expect(metric?.cpuCount).toBeGreaterThan(0);
        const longAgo = { start: new Date(0), end: new Date(1000) };
        expect(await client.Sandbox.getMetrics(sandbox.sandboxId, longAgo)).toEqual([]);
      },
    }),
  ),
  ...(['Sandbox.updateNetwork', 'Sandbox#updateNetwork'] as const).map(
    (method): Row => ({
      method,
      claim: 'rules by address replace those before, and nothing clears them',
      async run({ client, fresh }) {
        const sandbox = await fresh();
        const update = async (rules: Parameters<typeof sandbox.updateNetwork>[0]): Promise<void> =>
          await (method === 'Sandbox#updateNetwork'
            ? sandbox.updateNetwork(rules)
            : client.Sandbox.updateNetwork(sandbox.sandboxId, rules));
        await update({ denyOut: ['10.0.0.0/8'], allowOut: ['10.1.2.3'] });
        expect((await sandbox.getInfo()).network).toMatchObject({ denyOut: ['10.0.0.0/8'], allowOut: ['10.1.2.3'] });
        await update({});
        const { network } = await sandbox.getInfo();
        expect(network?.denyOut ?? []).toEqual([]);
      },
    }),
  ),
  {
    method: 'Sandbox#updateNetwork',
    claim: 'rules by domain',
    refusal: 'rules by domain',
    async run({ fresh }) {
      const sandbox = await fresh();
      await sandbox.updateNetwork({ rules: { 'example.com': [{ transform: { headers: { 'x-a': 'b' } } }] } });
    },
  },
  {
    method: 'Sandbox#getHost',
    claim: 'leads to a server in the sandbox',
    async run({ sandbox, url }) {
      await sandbox.files.write('site/index.html', 'served from inside');
      const command = 'python3 -u -m http.server 8123 --directory site';
      const server = await sandbox.commands.run(command, { background: true });
      const host = sandbox.getHost(8123);
      expect(host).toContain(`8123-${sandbox.sandboxId}.`);
      await vi.waitFor(
        async () => expect(await askHost(url, host)).toEqual({ status: 200, body: 'served from inside' }),
        {
          timeout: 15_000,
          interval: 100,
        },
      );
      await server.kill();
      const gone = await askHost(url, host);
      expect(gone.status).toBe(502);
      expect(JSON.parse(gone.body)).toMatchObject({ sandboxId: sandbox.sandboxId, code: 502 });
    },
  },
  {
    method: 'Sandbox#downloadUrl',
    claim: 'signed, it is all that a stranger needs, until it expires',
    async run({ sandbox }) {
      await sandbox.files.write('given away', 'to whoever has the address');
      const url = await sandbox.downloadUrl('given away', { useSignatureExpiration: 60 });
      expect(await (await fetch(url)).text()).toBe('to whoever has the address');
      const forged = url.replace('given%20away', 'other').replace('given+away', 'other');
      expect((await fetch(forged)).status).toBe(401);
      const expired = await fetch(await sandbox.downloadUrl('given away', { useSignatureExpiration: -10 }));
      expect(expired.status).toBe(401);
      expect(await expired.json()).toEqual({ code: 401, message: 'signature is already expired' });
    },
  },
  {
    method: 'Sandbox#uploadUrl',
    claim: 'signed, a stranger puts a file there',
    async run({ sandbox }) {
      const form = new FormData();
      form.append('file', new Blob(['from outside']), 'ignored');
      const response = await fetch(await sandbox.uploadUrl('taken'), { method: 'POST', body: form });
      expect(response.status).toBe(200);
      expect(await sandbox.files.read('taken')).toBe('from outside');
    },
  },
  {
    method: 'Sandbox#getMcpUrl',
    claim: 'the address of the sandbox’s port for it',
    run({ sandbox }) {
      expect(sandbox.getMcpUrl()).toBe(`https://${sandbox.getHost(50_005)}/mcp`);
    },
  },
  {
    method: 'Sandbox#getMcpToken',
    claim: 'what the gateway has written, read as root',
    async run({ fresh }) {
      const sandbox = await fresh();
      await sandbox.files.write('/etc/mcp-gateway/.token', 'a-token', { user: 'root' });
      expect(await sandbox.getMcpToken()).toBe('a-token');
    },
  },
];
