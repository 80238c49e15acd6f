import type { Sandbox } from 'e2b';
import { expect } from 'vitest';
import type { Row } from '../row.ts';

let count = 0;

/** A repository with one commit on `main`, at a path of its own. */
async function makeRepository({ git, files }: Sandbox): Promise<string> {
  const path = `/home/user/repositories/${count++}`;
  await git.init(path, { initialBranch: 'main' });
  await git.configureUser('Row', 'row@example.com', { scope: 'local', path });
  await files.write(`${path}/first`, 'one\n');
  await git.add(path);
  await git.commit(path, 'the first');
  return path;
}

/** An empty repository to push to. */
async function makeRemote({ git }: Sandbox): Promise<string> {
  const path = `/home/user/repositories/${count++}.git`;
  await git.init(path, { bare: true, initialBranch: 'main' });
  return path;
}

async function log(sandbox: Sandbox, path: string): Promise<string[]> {
  return (await sandbox.commands.run(`git -C ${path} log --format=%s`)).stdout.trim().split('\n');
}

/** The client's git, which runs the sandbox's. */
export const gitRows: readonly Row[] = [
  {
    method: 'Git#init',
    claim: 'a repository, and a bare one',
    async run({ sandbox }) {
      expect(await sandbox.files.exists(`${await makeRepository(sandbox)}/.git/HEAD`)).toBe(true);
      expect(await sandbox.files.exists(`${await makeRemote(sandbox)}/HEAD`)).toBe(true);
    },
  },
  {
    method: 'Git#clone',
    claim: 'from a git daemon',
    async run({ sandbox }) {
      const path = await makeRepository(sandbox);
      const base = path.slice(0, path.lastIndexOf('/'));
      const port = 9400 + count;
      const serve = `git daemon --listen=127.0.0.1 --port=${port} --base-path=${base} --export-all --verbose --informative-errors`;
      const daemon = await sandbox.commands.run(serve, { background: true });
      await sandbox.commands.run(`until (exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null; do sleep 0.05; done`);
      const url = `git://127.0.0.1:${port}/${path.slice(base.length + 1)}`;
      await sandbox.git.clone(url, { path: `${path}-clone`, depth: 1, branch: 'main' });
      expect(await sandbox.files.read(`${path}-clone/first`)).toBe('one\n');
      await daemon.kill();
    },
  },
  {
    method: 'Git#status',
    claim: 'branch, and what is changed, staged and unknown',
    async run({ sandbox }) {
      const path = await makeRepository(sandbox);
      expect(await sandbox.git.status(path)).toMatchObject({ currentBranch: 'main', isClean: true });
      await sandbox.files.write(`${path}/first`, 'changed\n');
      await sandbox.files.write(`${path}/second`, 'new\n');
      expect(await sandbox.git.status(path)).toMatchObject({ isClean: false, totalCount: 2, untrackedCount: 1 });
    },
  },
  {
    method: 'Git#add',
    claim: 'named files only',
    async run({ sandbox }) {
      const path = await makeRepository(sandbox);
      await sandbox.files.write(`${path}/second`, '2');
      await sandbox.files.write(`${path}/third`, '3');
      await sandbox.git.add(path, { files: ['second'] });
      expect(await sandbox.git.status(path)).toMatchObject({ stagedCount: 1, untrackedCount: 1 });
    },
  },
  {
    method: 'Git#commit',
    claim: 'in the name of another author',
    async run({ sandbox }) {
      const path = await makeRepository(sandbox);
      await sandbox.git.commit(path, 'nothing', {
        allowEmpty: true,
        authorName: 'Ann',
        authorEmail: 'ann@example.com',
      });
      expect((await sandbox.commands.run(`git -C ${path} log -1 --format='%an %ae %s'`)).stdout).toBe(
        'Ann ann@example.com nothing\n',
      );
    },
  },
  {
    method: 'Git#branches',
    claim: 'all of them and the current one',
    async run({ sandbox }) {
      const path = await makeRepository(sandbox);
      await sandbox.git.createBranch(path, 'other');
      expect(await sandbox.git.branches(path)).toEqual({ branches: ['main', 'other'], currentBranch: 'other' });
    },
  },
  {
    method: 'Git#createBranch',
    claim: 'made and checked out',
    async run({ sandbox }) {
      const path = await makeRepository(sandbox);
      await sandbox.git.createBranch(path, 'made');
      expect((await sandbox.git.status(path)).currentBranch).toBe('made');
    },
  },
  {
    method: 'Git#checkoutBranch',
    claim: 'one that is there, and one that is not',
    async run({ client, sandbox }) {
      const path = await makeRepository(sandbox);
      await sandbox.git.createBranch(path, 'other');
      await sandbox.git.checkoutBranch(path, 'main');
      expect((await sandbox.git.status(path)).currentBranch).toBe('main');
      await expect(sandbox.git.checkoutBranch(path, 'none')).rejects.toBeInstanceOf(client.CommandExitError);
    },
  },
  {
    method: 'Git#deleteBranch',
    claim: 'it is gone',
    async run({ sandbox }) {
      const path = await makeRepository(sandbox);
      await sandbox.git.createBranch(path, 'other');
      await sandbox.git.checkoutBranch(path, 'main');
      await sandbox.git.deleteBranch(path, 'other', { force: true });
      expect((await sandbox.git.branches(path)).branches).toEqual(['main']);
    },
  },
  {
    method: 'Git#reset',
    claim: 'the last commit is undone',
    async run({ sandbox }) {
      const path = await makeRepository(sandbox);
      await sandbox.git.commit(path, 'the second', { allowEmpty: true });
      await sandbox.git.reset(path, { mode: 'hard', target: 'HEAD~1' });
      expect(await log(sandbox, path)).toEqual(['the first']);
    },
  },
  {
    method: 'Git#restore',
    claim: 'a file as it was committed',
    async run({ sandbox }) {
      const path = await makeRepository(sandbox);
      await sandbox.files.write(`${path}/first`, 'changed\n');
      await sandbox.git.restore(path, { paths: ['first'] });
      expect(await sandbox.files.read(`${path}/first`)).toBe('one\n');
    },
  },
  {
    method: 'Git#remoteAdd',
    claim: 'and its address replaced',
    async run({ sandbox }) {
      const path = await makeRepository(sandbox);
      await sandbox.git.remoteAdd(path, 'origin', '/one');
      await sandbox.git.remoteAdd(path, 'origin', '/two', { overwrite: true });
      expect(await sandbox.git.remoteGet(path, 'origin')).toBe('/two');
    },
  },
  {
    method: 'Git#remoteGet',
    claim: 'nothing when there is none',
    async run({ sandbox }) {
      expect(await sandbox.git.remoteGet(await makeRepository(sandbox), 'origin')).toBeUndefined();
    },
  },
  {
    method: 'Git#push',
    claim: 'the remote has it; without an upstream it says so',
    async run({ client, sandbox }) {
      const path = await makeRepository(sandbox);
      const remote = await makeRemote(sandbox);
      await sandbox.git.remoteAdd(path, 'origin', remote);
      await expect(sandbox.git.push(path)).rejects.toBeInstanceOf(client.GitUpstreamError);
      await sandbox.git.push(path, { remote: 'origin', branch: 'main', setUpstream: true });
      expect(await log(sandbox, remote)).toEqual(['the first']);
    },
  },
  {
    method: 'Git#pull',
    claim: 'what another has pushed; without an upstream it says so',
    async run({ client, sandbox }) {
      const path = await makeRepository(sandbox);
      await expect(sandbox.git.pull(path)).rejects.toBeInstanceOf(client.GitUpstreamError);
      const remote = await makeRemote(sandbox);
      await sandbox.git.remoteAdd(path, 'origin', remote);
      await sandbox.git.push(path, { remote: 'origin', branch: 'main', setUpstream: true });
      await sandbox.git.clone(remote, { path: `${path}-clone` });
      await sandbox.git.commit(path, 'the second', { allowEmpty: true });
      await sandbox.git.push(path);
      await sandbox.git.pull(`${path}-clone`);
      expect(await log(sandbox, `${path}-clone`)).toEqual(['the second', 'the first']);
    },
  },
  {
    method: 'Git#setConfig',
    claim: 'of the repository',
    async run({ sandbox }) {
      const path = await makeRepository(sandbox);
      await sandbox.git.setConfig('row.key', 'value', { scope: 'local', path });
      expect((await sandbox.commands.run(`git -C ${path} config row.key`)).stdout).toBe('value\n');
    },
  },
  {
    method: 'Git#getConfig',
    claim: 'what is set, nothing else',
    async run({ sandbox }) {
      await sandbox.git.setConfig('row.global', 'value');
      expect(await sandbox.git.getConfig('row.global')).toBe('value');
      expect(await sandbox.git.getConfig('row.none')).toBeUndefined();
    },
  },
  {
    method: 'Git#configureUser',
    claim: 'name and address for all repositories',
    async run({ sandbox }) {
      await sandbox.git.configureUser('Row', 'row@example.com');
      expect(await sandbox.git.getConfig('user.name')).toBe('Row');
      expect(await sandbox.git.getConfig('user.email')).toBe('row@example.com');
    },
  },
  {
    method: 'Git#dangerouslyAuthenticate',
    claim: 'credentials are kept for a host',
    async run({ fresh }) {
      const sandbox = await fresh();
      await sandbox.git.dangerouslyAuthenticate({ username: 'ann', password: 'a-secret', host: 'git.example.com' });
      expect(await sandbox.files.read('.git-credentials')).toBe('https://ann:a-secret@git.example.com\n');
    },
  },
];
