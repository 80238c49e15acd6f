import type { FilesystemEvent } from 'e2b';
import { describe, expect, it, vi } from 'vitest';
import { askHost } from './ask-port.ts';
import { clientPackages, clientVersion, importClient } from './client.ts';
import { Heard, HeardText } from './heard.ts';
import { useServe } from './use-serve.ts';

const serve = useServe();
const versions = clientPackages.map((name) => ({ name, version: clientVersion(name) }));

describe.each(versions)('with the published client $version, wired by three variables', ({ name }) => {
  it('an agent works a session: files, git, Python, a shell, a watch, a server, pause, resume, list, the end of its time', {
    timeout: 180_000,
  }, async () => {
    const { Sandbox, FilesystemEventType, CommandExitError } = await importClient(name);
    const metadata = { session: `${name} ${process.pid}` };
    const sandbox = await Sandbox.create('base', { metadata, envs: { PROJECT: 'fib' }, timeoutMs: 600_000 });

    // It watches what it is going to change.
    await sandbox.files.makeDir('work');
    const changes = new Heard<FilesystemEvent>();
    const watch = await sandbox.files.watchDir('work', changes.tell, { recursive: true, timeoutMs: 0 });

    // It writes a project, commits it, and another directory clones it from a git daemon.
    await sandbox.files.write([
      {
        path: 'work/fib.py',
        data: 'import sys, time\na, b = 0, 1\nfor _ in range(int(sys.argv[1])):\n  print(a, flush=True)\n  a, b = b, a + b\n  time.sleep(0.05)\n',
      },
      { path: 'work/README', data: 'numbers\n' },
    ]);
    await changes.until((all) =>
      ['fib.py', 'README'].every((wanted) =>
        all.some((change) => change.name === wanted && change.type === FilesystemEventType.CREATE),
      ),
    );
    await sandbox.git.init('work', { initialBranch: 'main' });
    await sandbox.git.configureUser('Agent', 'agent@example.com');
    await sandbox.git.add('work');
    await sandbox.git.commit('work', 'numbers');
    const daemon = await sandbox.commands.run(
      'git daemon --listen=127.0.0.1 --base-path=/home/user --export-all --reuseaddr',
      { background: true, timeoutMs: 0 },
    );
    await sandbox.commands.run('until (exec 3<>/dev/tcp/127.0.0.1/9418) 2>/dev/null; do sleep 0.05; done');
    await sandbox.git.clone('git://127.0.0.1/work', { path: 'clone' });
    expect(await sandbox.files.read('clone/README')).toBe('numbers\n');
    await daemon.kill();

    // It runs Python and reads what it says while it says it.
    const said = new HeardText();
    const python = await sandbox.commands.run('python3 clone/fib.py 12', { background: true, onStdout: said.tell });
    await said.untilText('5\n');
    expect(said.text).not.toContain('89');
    expect((await python.wait()).stdout.trim().split('\n').at(-1)).toBe('89');
    await expect(sandbox.commands.run('python3 -c "raise SystemExit(7)"')).rejects.toMatchObject({ exitCode: 7 });
    await expect(sandbox.commands.run('python3 -c "1/0"')).rejects.toBeInstanceOf(CommandExitError);

    // It keeps a shell, whose state stays from one line to the next.
    const screen = new HeardText();
    const shell = await sandbox.pty.create({ cols: 100, rows: 30, onData: screen.tellBytes, timeoutMs: 0 });
    const type = async (keys: string): Promise<void> =>
      await sandbox.pty.sendInput(shell.pid, new TextEncoder().encode(keys));
    await type('cd work && export MOOD=good\n');
    await type('echo "$PROJECT in $(basename $PWD), mood $MOOD"\n');
    await screen.untilText('fib in work, mood good');

    // It exposes a web server.
    await sandbox.commands.run('python3 -u -m http.server 8000 --directory clone', { background: true, timeoutMs: 0 });
    const { url } = serve();
    const readme = async () => await askHost(url, sandbox.getHost(8000), { path: '/README' });
    await vi.waitFor(async () => expect(await readme()).toEqual({ status: 200, body: 'numbers\n' }), {
      timeout: 15_000,
      interval: 100,
    });

    // It pauses for the night; shell and server are there the next morning.
    expect(await sandbox.pause()).toBe(true);
    expect(await sandbox.isRunning()).toBe(false);
    expect((await readme()).status).toBe(502);
    const paused = await Sandbox.list({ query: { metadata, state: ['paused'] } }).nextItems();
    expect(paused.map(({ sandboxId }) => sandboxId)).toEqual([sandbox.sandboxId]);
    const resumed = await Sandbox.connect(sandbox.sandboxId, { timeoutMs: 600_000 });
    expect(await resumed.isRunning()).toBe(true);
    expect((await readme()).status).toBe(200);
    const again = new HeardText();
    const sameShell = await resumed.pty.connect(shell.pid, { onData: again.tellBytes, timeoutMs: 0 });
    await resumed.pty.sendInput(shell.pid, new TextEncoder().encode('echo "still $MOOD"; exit 0\n'));
    await sameShell.wait();
    expect(again.text).toContain('still good');
    await watch.stop();

    // It is listed, and ends when its time is up.
    const listed = await Sandbox.list({ query: { metadata } }).nextItems();
    expect(listed).toMatchObject([{ sandboxId: sandbox.sandboxId, state: 'running', metadata }]);
    const waiting = await resumed.commands.run('sleep 1000', { background: true, timeoutMs: 0 });
    await resumed.setTimeout(1000);
    await expect(waiting.wait()).rejects.toThrow();
    await vi.waitFor(async () => expect(await resumed.isRunning()).toBe(false), { timeout: 15_000, interval: 100 });
    expect(await Sandbox.list({ query: { metadata } }).nextItems()).toEqual([]);
  });
});
