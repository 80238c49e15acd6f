import { mkdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STATE_DIRECTORY } from './stamp.mjs';

const OWNER_CHECK_MS = 500;

/**
 * Runs `work` while holding `.hatchery/lock`, a directory whose file `owner` names the holder by pid and start time.
 * A holder that died is succeeded; a live one is waited for.
 */
export async function withSetUpLock(root, work) {
  const state = join(root, STATE_DIRECTORY);
  const lock = join(state, 'lock');
  mkdirSync(state, { recursive: true });
  let told = false;
  while (!take(state, lock)) {
    if (!told) process.stderr.write('hatchery: waiting for another set-up of this clone\n');
    told = true;
    await changed(state, lock);
  }
  try {
    return await work();
  } finally {
    release(lock);
  }
}

function release(lock) {
  // Emptied where it stands, it could become the next holder's, who renames over an empty directory, before it is gone.
  const released = `${lock}.${process.pid}.released`;
  renameSync(lock, released);
  rmSync(released, { recursive: true });
}

function take(state, lock) {
  // The directory appears under its final name with the owner already in it: nobody sees a lock without one.
  const prepared = join(state, `lock.${process.pid}`);
  mkdirSync(prepared, { recursive: true });
  writeFileSync(join(prepared, 'owner'), identityOf(process.pid));
  try {
    renameSync(prepared, lock);
    return true;
  } catch (error) {
    rmSync(prepared, { recursive: true, force: true });
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  }
  return ownerIsDead(lock) && succeed(lock);
}

/** Makes us the owner of a dead owner's lock. Of several that try, the symbolic link lets one through. */
function succeed(lock) {
  const succession = join(lock, 'succession');
  try {
    // A link is made together with its content: a successor that dies here is recognised like a dead owner.
    symlinkSync(identityOf(process.pid), succession);
  } catch {
    dropDeadSuccessor(succession);
    return false;
  }
  // Between our first look and the link another process may have succeeded, or a new lock may stand here.
  const isOurs = ownerIsDead(lock);
  if (isOurs) writeFileSync(join(lock, 'owner'), identityOf(process.pid));
  rmSync(succession);
  return isOurs;
}

function dropDeadSuccessor(succession) {
  try {
    const successor = readlinkSync(succession);
    if (identityOf(Number.parseInt(successor, 10)) !== successor) rmSync(succession, { force: true });
  } catch {
    // The successor is done, or the lock is gone: the next look decides.
  }
}

function ownerIsDead(lock) {
  let owner;
  try {
    owner = readFileSync(join(lock, 'owner'), 'utf8');
  } catch {
    // Released in this moment.
    return false;
  }
  return identityOf(Number.parseInt(owner, 10)) !== owner;
}

/** `pid start-time`, so that a recycled pid is another identity; `pid gone` for a dead one. */
function identityOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name before the last parenthesis may hold spaces; the start time is the 20th field after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie holds nothing any more, however late its parent reaps it.
    return fields[0] === 'Z' ? `${pid} gone` : `${pid} ${fields[19]}`;
  } catch {
    return `${pid} gone`;
  }
}

/** Resolves when the lock's directory changes, or its owner has died: a death changes no file, so that is looked up. */
function changed(state, lock) {
  return new Promise((resolve, reject) => {
    const finish = () => {
      clearInterval(timer);
      watcher.close();
      resolve();
    };
    const watcher = watch(state, finish);
    watcher.on('error', reject);
    const timer = setInterval(() => {
      if (ownerIsDead(lock)) finish();
    }, OWNER_CHECK_MS);
    // The lock may have been released before the watch began.
    try {
      readFileSync(join(lock, 'owner'));
    } catch {
      finish();
    }
  });
}
