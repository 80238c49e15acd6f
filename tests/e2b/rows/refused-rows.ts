import type { Volume } from 'e2b';
import type { Client } from '../client.ts';
import type { Refusal, Row, Trial } from '../row.ts';

/** Calls of what is not there yet: each must be refused by name. */
type Calls = Readonly<Record<string, (trial: Trial) => Promise<unknown>>>;

const snapshots: Calls = {
  'Sandbox.createSnapshot': ({ client, sandbox }) => client.Sandbox.createSnapshot(sandbox.sandboxId),
  'Sandbox#createSnapshot': ({ sandbox }) => sandbox.createSnapshot({ name: 'row' }),
  'Sandbox.deleteSnapshot': ({ client }) => client.Sandbox.deleteSnapshot('some/snapshot:1'),
  'Sandbox.listSnapshots': ({ client }) => client.Sandbox.listSnapshots().nextItems(),
  'Sandbox#listSnapshots': ({ sandbox }) => sandbox.listSnapshots().nextItems(),
  'SnapshotPaginator#nextItems': ({ client }) => client.Sandbox.listSnapshots({ limit: 1 }).nextItems(),
};

const fork: Calls = {
  'Sandbox.fork': ({ client, sandbox }) => client.Sandbox.fork(sandbox.sandboxId, { count: 2 }),
  'Sandbox#fork': ({ sandbox }) => sandbox.fork(),
};

/** `Template` and the class behind it have the same calls. */
const templateBuilds: Calls = Object.fromEntries(
  (['Template', 'TemplateBase'] as const).flatMap((name) => {
    const calls: Readonly<Record<string, (client: Client) => Promise<unknown>>> = {
      build: (client) => client[name].build(client.Template().fromBaseImage().runCmd('true'), 'row'),
      buildInBackground: (client) => client[name].buildInBackground(client.Template().fromBaseImage(), 'row'),
      getBuildStatus: (client) => client[name].getBuildStatus({ templateId: 'base', buildId: 'some-build' }),
      assignTags: (client) => client[name].assignTags('base:one', 'two'),
      removeTags: (client) => client[name].removeTags('base', 'one'),
      getTags: (client) => client[name].getTags('base'),
    };
    return Object.entries(calls).map(([method, call]) => [
      `${name}.${method}`,
      async ({ client }: Trial) => await call(client),
    ]);
  }),
);

const volumes: Calls = {
  'Volume.create': ({ client }) => client.Volume.create('row'),
  'Volume.connect': ({ client }) => client.Volume.connect('some-volume'),
  'Volume.getInfo': ({ client }) => client.Volume.getInfo('some-volume'),
  'Volume.list': ({ client }) => client.Volume.list(),
  'Volume.destroy': ({ client }) => client.Volume.destroy('some-volume'),
  'Volume#list': (trial) => aVolume(trial).list('/', { apiUrl: trial.url }),
  'Volume#makeDir': (trial) => aVolume(trial).makeDir('/a', { apiUrl: trial.url }),
  'Volume#getInfo': (trial) => aVolume(trial).getInfo('/a', { apiUrl: trial.url }),
  'Volume#exists': (trial) => aVolume(trial).exists('/a', { apiUrl: trial.url }),
  'Volume#updateMetadata': (trial) => aVolume(trial).updateMetadata('/a', { uid: 1 }, { apiUrl: trial.url }),
  'Volume#readFile': (trial) => aVolume(trial).readFile('/a', { apiUrl: trial.url }),
  'Volume#writeFile': (trial) => aVolume(trial).writeFile('/a', 'text', { apiUrl: trial.url }),
  'Volume#remove': (trial) => aVolume(trial).remove('/a', { apiUrl: trial.url }),
};

/** None can be had from the server: one by hand, with our key where a token of its own would be. */
function aVolume({ client }: Trial): Volume {
  return new client.Volume('some-volume', 'some-volume', process.env['E2B_API_KEY'] ?? '');
}

const secrets: Calls = {
  'Secret.create': ({ client }) => client.Secret.create('row', 'value'),
  'Secret.update': ({ client }) => client.Secret.update('row', 'value'),
  'Secret.getInfo': ({ client }) => client.Secret.getInfo('row'),
  'Secret.exists': ({ client }) => client.Secret.exists('row'),
  'Secret.destroy': ({ client }) => client.Secret.destroy('row'),
  'Secret.list': ({ client }) => client.Secret.list().nextItems(),
  'SecretPaginator#nextItems': ({ client }) => client.Secret.list({ limit: 1 }).nextItems(),
};

function refused(refusal: Refusal, calls: Calls): Row[] {
  return Object.entries(calls).map(([method, call]) => ({
    method,
    claim: 'as its user calls it',
    refusal,
    async run(trial) {
      await call(trial);
    },
  }));
}

export const refusedRows: readonly Row[] = [
  ...refused('snapshots', snapshots),
  ...refused('fork', fork),
  ...refused('template builds', templateBuilds),
  ...refused('volumes', volumes),
  ...refused('secrets', secrets),
];
