import { rmSync } from 'node:fs';
import type { CommandHandle, Sandbox } from 'e2b';
import { expect, it, onTestFinished } from 'vitest';
import { clientPackages, importClient } from './client.ts';
import { HeardText } from './heard.ts';
import { soakClients } from './soak-clients.ts';
import { startServe } from './use-serve.ts';

interface Talk {
  readonly sandbox: Sandbox;
  readonly command: CommandHandle;
  readonly heard: HeardText;
}

const lines = 200;
/** Talks until somebody has made a file, so that it certainly talks while no runner is there. */
const talking = `for i in $(seq ${lines}); do echo line-$i; sleep 0.02; done; until test -e go; do sleep 0.05; done; echo end`;

it.each(clientPackages)(
  'a runner that is killed under load and started again: clients connect to their commands and get what they missed (%s)',
  { timeout: 120_000 },
  async (name) => {
    const client = await importClient(name);
    const { Sandbox } = client;
    let serve = await startServe();
    const { directory, key } = serve;
    const { port } = new URL(serve.url);
    let isLast = false;
    onTestFinished(async () => {
      await serve.stop();
      // A test that ended before it left sandboxes, which the next one takes over and ends.
      if (!isLast) await (await startServe({ args: ['--on-exit', 'destroy'], given: { directory, key } })).stop();
      rmSync(directory, { recursive: true });
    });
    const talks: Talk[] = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const sandbox = await Sandbox.create({ timeoutMs: 600_000 });
        const heard = new HeardText();
        const command = await sandbox.commands.run(talking, { background: true, timeoutMs: 0, onStdout: heard.tell });
        return { sandbox, command, heard };
      }),
    );
    const ending = new AbortController();
    const { url } = serve;
    const working = Promise.withResolvers<void>();
    const onRequest = (): void => working.resolve();
    const crowd = { clients: 4, hostileShare: 0.25, durationMs: 600_000, seed: 1, signal: ending.signal };
    const load = soakClients({ client, url, key, onRequest, ...crowd });
    await Promise.all([working.promise, ...talks.map(({ heard }) => heard.untilText('line-20\n'))]);
    const broken = Promise.allSettled(talks.map(({ command }) => command.wait()));
    await serve.stop('SIGKILL');
    for (const { status } of await broken) expect(status).toBe('rejected');

    serve = await startServe({ args: ['--port', port, '--on-exit', 'destroy'], given: { directory, key } });
    isLast = true;
    await Promise.all(
      talks.map(async ({ sandbox, command, heard }) => {
        const again = await Sandbox.connect(sandbox.sandboxId);
        expect(await again.commands.list()).toMatchObject([{ pid: command.pid, cmd: '/bin/bash' }]);
        const missed = new HeardText();
        const connected = await again.commands.connect(command.pid, { timeoutMs: 0, onStdout: missed.tell });
        await again.files.write('go', '');
        expect(await connected.wait()).toMatchObject({ exitCode: 0 });
        const numbered = Array.from({ length: lines }, (_, index) => `line-${index + 1}\n`);
        const wanted = `${numbered.join('')}end\n`;
        expect(wanted.startsWith(heard.text)).toBe(true);
        expect(wanted.endsWith(missed.text)).toBe(true);
        // What was on its way to the client as the runner was killed may come again; nothing is left out.
        expect(heard.text.length + missed.text.length).toBeGreaterThanOrEqual(wanted.length);
        expect(missed.text.length).toBeLessThan(wanted.length);
      }),
    );
    ending.abort();
    // What was asked of a runner that was not there is no fault of it.
    await load;
  },
);
