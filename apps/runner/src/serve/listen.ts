import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync, type Stats } from 'node:fs';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { CliError } from '../cli-error.ts';

/** sun_path of unix(7) holds 108 bytes with the NUL. */
const maxPathBytes = 107;

/**
 * Listens at `path`, for our own user only, and from its first moment on: the socket is made in a private directory and
 * moved into place. One that a dead server left is replaced, one that answers is not. Disposing removes ours.
 */
export async function listen(app: FastifyInstance, path: string): Promise<Disposable> {
  await requireUnused(path);
  const directory = join(dirname(path), `.${basename(path)}.new`);
  const unnamed = join(directory, 's');
  if (Buffer.byteLength(unnamed) > maxPathBytes)
    throw new CliError('ERR_SERVER_SOCKET', `${path} is too long for a socket; choose a shorter --socket`);
  try {
    // Of a server that was killed just here.
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { mode: 0o700 });
    await app.listen({ path: unnamed });
    chmodSync(unnamed, 0o600);
    renameSync(unnamed, path);
  } catch (cause) {
    const happened = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('ERR_SERVER_SOCKET', `nobody can listen at ${path}: ${happened}; choose another --socket`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const ours = lstatSync(path);
  return { [Symbol.dispose]: () => removeOurs(path, ours) };
}

async function requireUnused(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new CliError('ERR_SERVER_SOCKET', `${path} is there and no socket; remove it or choose another --socket`);
  if (await answers(path))
    throw new CliError('ERR_SERVER_RUNNING', `a server listens at ${path} already; stop it or choose another --socket`);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // ECONNREFUSED: nobody has it open any more.
    socket.on('error', () => resolve(false));
  });
}

/** A successor may have put its own in our place. */
function removeOurs(path: string, ours: Stats): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.ino === ours.ino && found.dev === ours.dev) rmSync(path, { force: true });
}
