import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { hatchery, sees, shellCommand } from './hatchery.ts';
import { serveIn, useRunDirectory } from './server.ts';

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-core-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

// Mutation: without protectProcess() the limit is the one that was inherited, and the crash leaves a core file.
it('P07: run and serve leave no core when they crash, whatever limit they inherit', async () => {
  const cwd = temporaryDirectory();
  const run = "run sh -c 'echo ready; exec sleep 1000'";
  const runDirectory = useRunDirectory();
  for (const [args, stream, ready] of [
    [run, 'stdout', 'ready'],
    [serveIn(runDirectory).join(' '), 'stderr', '"listening"'],
  ] as const) {
    const child = spawn('sh', ['-c', `ulimit -c unlimited; exec ${shellCommand} ${args}`], { cwd });
    const exited = once(child, 'exit');
    await sees(child[stream], ready);
    expect(readFileSync(`/proc/${child.pid}/limits`, 'utf8')).toMatch(/^Max core file size +0 +0 /m);
    child.kill('SIGSEGV');
    expect(await exited).toEqual([null, 'SIGSEGV']);
    expect(readdirSync(cwd).filter((name) => name.startsWith('core'))).toEqual([]);
  }
  // Sweeps what the crashed run has left.
  await hatchery(['run', 'true']);
});
