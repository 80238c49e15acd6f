import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HatcheryError, Runtime } from '@hatchery/runtime';
import { CliError } from '../cli-error.ts';

/**
 * Runs `/bin/sh` in a sandbox on a root directory: whether its owners can be mapped where it lies, whether what sandboxes
 * mount has its places, and whether its programs start here, nothing but the real thing tells. Throws what the create
 * met (ERR_IMAGE_UNSUPPORTED names the remedy), or ERR_TEMPLATE_ROOT.
 */
export async function tryRoot(image: string, dataDirectory: string): Promise<void> {
  await inSandbox(image, dataDirectory, async (run) => {
    const { exitCode, signal } = await run(['/bin/sh', '-c', 'exit 42']);
    if (exitCode !== 42) throw new Error(`its /bin/sh ended with ${exitCode ?? signal} instead of 42`);
  });
}

/**
 * Whether a sandbox can be made on a root that lies there, before anything is in it. Throws as `tryRoot` does.
 * @param directory an empty one on the filesystem in question
 */
export async function tryFilesystem(directory: string, dataDirectory: string): Promise<void> {
  await inSandbox(directory, dataDirectory, async () => {});
}

/** What the root's own /bin/sh can be the reason of; all else is about the place where it lies, or this host. */
const aboutTheProgram = new Set(['ERR_EXEC_NOT_FOUND', 'ERR_EXEC_PERMISSION', 'ERR_EXEC_FAILED']);

type Run = (command: [string, ...string[]]) => Promise<{ exitCode: number | null; signal: string | null }>;

async function inSandbox(image: string, dataDirectory: string, act: (run: Run) => Promise<void>): Promise<void> {
  // A private instance: it meets no server, and its run directory is gone with it.
  const runDirectory = mkdtempSync(join(tmpdir(), 'hatchery-template-'));
  try {
    await using runtime = await Runtime.open({ runDirectory, dataDirectory });
    await using sandbox = await runtime.create({ image });
    await act(async (command) => await sandbox.run(command, { timeoutMs: 30_000 }));
  } catch (error) {
    if (error instanceof HatcheryError && !aboutTheProgram.has(error.code)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(
      'ERR_TEMPLATE_ROOT',
      `a sandbox on ${image}: ${why}; give the root of a system for this machine's architecture`,
    );
  } finally {
    rmSync(runDirectory, { recursive: true, force: true });
  }
}
