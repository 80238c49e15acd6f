import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TemplateBuilder } from 'e2b';
import { expect } from 'vitest';
import type { Client } from '../client.ts';
import type { Row } from '../row.ts';

/** What the client does by itself, and what asks the server about templates. */
const plainRows: readonly Row[] = [
  ...(['Template', 'TemplateBase'] as const).flatMap((name): Row[] => [
    ...(['exists', 'aliasExists'] as const).map(
      (method): Row => ({
        method: `${name}.${method}`,
        claim: 'of base, and of one that is not there',
        async run({ client }) {
          expect(await client[name][method]('base')).toBe(true);
          expect(await client[name][method]('no-such-template')).toBe(false);
        },
      }),
    ),
    {
      method: `${name}.toDockerfile`,
      claim: 'of a template that was never sent',
      run({ client }) {
        expect(client[name].toDockerfile(client.Template().fromImage('debian').runCmd('true'))).toBe(
          'FROM debian\nRUN true\n',
        );
      },
    },
    {
      method: `${name}.toJSON`,
      claim: 'of a template that was never sent',
      async run({ client }) {
        expect(JSON.parse(await client[name].toJSON(client.Template().fromImage('debian')))).toMatchObject({
          fromImage: 'debian',
        });
      },
    },
  ]),
  {
    method: 'Template()',
    claim: 'the beginning of one',
    run({ client }) {
      expect(client.Template.toDockerfile(client.Template().fromBaseImage())).toBe('FROM e2bdev/base\n');
    },
  },
  {
    method: 'E2B#Template',
    claim: 'asks the server that it was given',
    async run({ client, url }) {
      const e2b = new client.E2B({ apiUrl: url });
      expect(await e2b.Template.exists('base')).toBe(true);
      expect(await e2b.Sandbox.list({ limit: 1 }).nextItems()).toHaveLength(1);
      await expect(new client.E2B({ apiKey: `e2b_${'0'.repeat(40)}` }).Template.exists('base')).rejects.toBeInstanceOf(
        client.AuthenticationError,
      );
    },
  },
  {
    method: 'Secret.fill',
    claim: 'the placeholder of a name',
    run({ client }) {
      expect(client.Secret.fill('row')).toBe('${e2b.secrets.row}');
    },
  },
  {
    method: 'Secret.iamToken',
    claim: 'what was given',
    run({ client }) {
      const token = { audience: 'a', tokenType: 'urn:ietf:params:oauth:token-type:jwt-svid' } as never;
      expect(client.Secret.iamToken(token)).toEqual(token);
    },
  },
  {
    method: 'ConnectionConfig#getHost',
    claim: 'port, sandbox and domain',
    run({ client }) {
      const config = new client.ConnectionConfig({ domain: 'sbx.localhost:8443' });
      expect(config.getHost('i1', 80, 'sbx.localhost:8443')).toBe('80-i1.sbx.localhost:8443');
    },
  },
  ...(['getSandboxUrl', 'getSandboxDirectUrl'] as const).map(
    (method): Row => ({
      method: `ConnectionConfig#${method}`,
      claim: 'this server’s, for every sandbox',
      run({ client, url }) {
        const config = new client.ConnectionConfig({});
        expect(config[method]('i1', { sandboxDomain: 'localhost', envdPort: 49_983 })).toBe(url);
      },
    }),
  ),
  {
    method: 'ConnectionConfig#getSignal',
    claim: 'aborts with what its user aborts',
    run({ client }) {
      const ending = new AbortController();
      const signal = new client.ConnectionConfig({}).getSignal(60_000, ending.signal);
      ending.abort();
      expect(signal?.aborted).toBe(true);
    },
  },
  {
    method: 'VolumeConnectionConfig#getSignal',
    claim: 'is the client’s own',
    run({ client }) {
      // The class is reached through a volume's calls alone; its signal ends them.
      const volume = new client.Volume('v', 'v', 't');
      const signal = AbortSignal.abort(new Error('by its user'));
      return expect(volume.getInfo('/', { apiUrl: 'http://127.0.0.1:9', signal })).rejects.toThrow(
        /abort|by its user/i,
      );
    },
  },
  {
    method: 'ConnectionConfig.mergeOpts',
    claim: 'the later ones win',
    run({ client }) {
      expect(client.ConnectionConfig.mergeOpts({ domain: 'a', apiKey: 'k' }, { domain: 'b' })).toEqual({
        domain: 'b',
        apiKey: 'k',
      });
    },
  },
  {
    method: 'ConnectionConfig.setIntegration',
    claim: 'is told to the server, which takes it',
    async run({ client, sandbox }) {
      client.ConnectionConfig.setIntegration('row/1.0');
      expect((await client.Sandbox.getInfo(sandbox.sandboxId)).state).toBe('running');
      client.ConnectionConfig.setIntegration(undefined);
    },
  },
  ...(['LogEntry', 'LogEntryStart', 'LogEntryEnd'] as const).map(
    (name): Row => ({
      method: `${name}#toString`,
      claim: 'time, level and text',
      run({ client }) {
        const at = new Date(0);
        const entry = name === 'LogEntry' ? new client.LogEntry(at, 'info', 'text') : new client[name](at, 'text');
        expect(String(entry)).toMatch(/^\[1970-01-01T00:00:00.000Z\] \[\w+\] text$/);
      },
    }),
  ),
  {
    method: 'defaultBuildLogger()',
    claim: 'makes a logger',
    run({ client }) {
      expect(typeof client.defaultBuildLogger()).toBe('function');
    },
  },
  {
    method: 'getSignature()',
    claim: 'is what the server takes for a file’s address',
    async run({ client, sandbox, url }) {
      await sandbox.files.write('/tmp/signed', 'by hand');
      const { envdAccessToken = '' } = sandbox as unknown as { envdAccessToken?: string };
      const path = '/tmp/signed';
      const { signature } = await client.getSignature({ path, operation: 'read', user: undefined, envdAccessToken });
      const query = new URLSearchParams({ path, signature });
      expect(await (await fetch(`${url}/files?${query.toString()}`)).text()).toBe('by hand');
    },
  },
];

/** The conditions that a template waits for: commands for the sandbox's own shell. */
const readyRows: readonly Row[] = [
  ...Object.entries({
    waitForPort: (client: Client) => client.waitForPort(8080),
    waitForURL: (client: Client) => client.waitForURL('http://localhost:8080/'),
    waitForProcess: (client: Client) => client.waitForProcess('bash'),
    waitForFile: (client: Client) => client.waitForFile('/etc/passwd'),
    waitForTimeout: (client: Client) => client.waitForTimeout(1000),
  }).map(
    ([name, make]): Row => ({
      method: `${name}()`,
      claim: 'a command that the sandbox’s shell can read',
      async run({ client, sandbox }) {
        const command = make(client).getCmd();
        await sandbox.files.write('ready.sh', command);
        await sandbox.commands.run('bash -n ready.sh');
      },
    }),
  ),
  {
    method: 'ReadyCmd#getCmd',
    claim: 'the command, which ends well where it is so',
    async run({ client, sandbox }) {
      await sandbox.commands.run(client.waitForFile('/etc/passwd').getCmd());
      await expect(sandbox.commands.run(client.waitForFile('/not/there').getCmd())).rejects.toMatchObject({
        exitCode: 1,
      });
    },
  },
];

/** One step of a template: what it is given, and the line of the Dockerfile that it becomes. */
type Step = readonly [method: string, add: (builder: TemplateBuilder) => TemplateBuilder, line: string];

const steps: readonly Step[] = [
  ['aptInstall', (it) => it.aptInstall('git'), 'apt-get install -y git'],
  ['bunInstall', (it) => it.bunInstall('x'), 'RUN bun install x'],
  ['copy', (it) => it.copy('a.txt', '/b'), 'COPY a.txt /b'],
  ['copyItems', (it) => it.copyItems([{ src: 'a.txt', dest: '/b' }]), 'COPY a.txt /b'],
  ['gitClone', (it) => it.gitClone('https://example.com/r.git', '/r'), 'RUN git clone'],
  ['makeDir', (it) => it.makeDir('/d'), 'RUN mkdir -p'],
  ['makeSymlink', (it) => it.makeSymlink('/a', '/b'), 'RUN ln -s'],
  ['npmInstall', (it) => it.npmInstall('x', { g: true }), 'RUN npm install -g x'],
  ['pipInstall', (it) => it.pipInstall(['x', 'y']), 'RUN pip install x y'],
  ['remove', (it) => it.remove('/a', { recursive: true }), 'RUN rm -r'],
  ['rename', (it) => it.rename('/a', '/b'), 'RUN mv'],
  ['runCmd', (it) => it.runCmd(['a', 'b']), 'RUN a && b'],
  ['setEnvs', (it) => it.setEnvs({ A: '1' }), 'ENV A=1'],
  ['setUser', (it) => it.setUser('root'), 'USER root'],
  ['setWorkdir', (it) => it.setWorkdir('/w'), 'WORKDIR /w'],
  ['skipCache', (it) => it.skipCache().runCmd('a'), 'RUN a'],
];

const builderRows: readonly Row[] = ['TemplateBase', 'TemplateBuilder'].flatMap((name): Row[] => [
  ...steps.map(
    ([method, add, line]): Row => ({
      method: `${name}#${method}`,
      claim: 'a line of the Dockerfile',
      run({ client }) {
        expect(client.Template.toDockerfile(add(client.Template().fromImage('debian')))).toContain(line);
      },
    }),
  ),
  ...(['setStartCmd', 'setReadyCmd'] as const).map(
    (method): Row => ({
      method: `${name}#${method}`,
      claim: 'is in what would be sent',
      async run({ client }) {
        const builder = client.Template().fromImage('debian');
        const template =
          method === 'setStartCmd' ? builder.setStartCmd('begin', 'ready') : builder.setReadyCmd('ready');
        expect(await client.Template.toJSON(template)).toContain('ready');
      },
    }),
  ),
  {
    method: `${name}#addMcpServer`,
    claim: 'only on the template that has the gateway',
    run({ client }) {
      expect(() => client.Template().fromImage('debian').addMcpServer('brave')).toThrow(client.BuildError);
      client.Template().fromTemplate('mcp-gateway').addMcpServer('brave');
    },
  },
  ...(['betaDevContainerPrebuild', 'betaSetDevContainerStart'] as const).map(
    (method): Row => ({
      method: `${name}#${method}`,
      claim: 'only on the template for it',
      run({ client }) {
        expect(() => client.Template().fromImage('debian')[method]('/w')).toThrow(client.BuildError);
        client.Template().fromTemplate('devcontainer')[method]('/w');
      },
    }),
  ),
]);

/** Where a template begins, and the first line that it becomes. */
const beginnings: readonly (readonly [method: string, begin: (client: Client) => TemplateBuilder, image: string])[] = [
  ['fromAlpineImage', ({ Template }) => Template().fromAlpineImage('3'), 'alpine:3'],
  ['fromArchImage', ({ Template }) => Template().fromArchImage(), 'archlinux:latest'],
  ['fromBaseImage', ({ Template }) => Template().fromBaseImage(), 'e2bdev/base'],
  ['fromBunImage', ({ Template }) => Template().fromBunImage('1'), 'oven/bun:1'],
  ['fromDebianImage', ({ Template }) => Template().fromDebianImage('12'), 'debian:12'],
  ['fromDockerfile', ({ Template }) => Template().fromDockerfile('FROM debian:12\nRUN true'), 'debian:12'],
  ['fromFedoraImage', ({ Template }) => Template().fromFedoraImage('44'), 'fedora:44'],
  ['fromImage', ({ Template }) => Template().fromImage('debian:12'), 'debian:12'],
  ['fromNodeImage', ({ Template }) => Template().fromNodeImage('24'), 'node:24'],
  ['fromPythonImage', ({ Template }) => Template().fromPythonImage('3'), 'python:3'],
  ['fromUbuntuImage', ({ Template }) => Template().fromUbuntuImage('24.04'), 'ubuntu:24.04'],
  [
    'fromAWSRegistry',
    ({ Template }) => Template().fromAWSRegistry('i', { accessKeyId: 'a', secretAccessKey: 'b', region: 'c' }),
    'i',
  ],
];

const beginningRows: readonly Row[] = [
  ...beginnings.map(
    ([method, begin, image]): Row => ({
      method: `TemplateBase#${method}`,
      claim: 'the first line of the Dockerfile',
      run({ client }) {
        expect(client.Template.toDockerfile(begin(client))).toMatch(new RegExp(`^FROM ${image}\n`));
      },
    }),
  ),
  {
    method: 'TemplateBase#fromTemplate',
    claim: 'is in what would be sent',
    async run({ client }) {
      expect(await client.Template.toJSON(client.Template().fromTemplate('base'))).toContain('"fromTemplate": "base"');
    },
  },
  {
    method: 'TemplateBase#fromGCPRegistry',
    claim: 'with the account of a file',
    async run({ client }) {
      const directory = mkdtempSync(join(tmpdir(), 'hatchery-test-'));
      try {
        writeFileSync(join(directory, 'account.json'), '{"a":1}');
        const template = client
          .Template({ fileContextPath: directory })
          .fromGCPRegistry('i', { serviceAccountJSON: 'account.json' });
        expect(await client.Template.toJSON(template)).toContain('"fromImage": "i"');
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  },
];

export const localRows: readonly Row[] = [...plainRows, ...readyRows, ...builderRows, ...beginningRows];
