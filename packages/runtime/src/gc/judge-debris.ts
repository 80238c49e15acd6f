import type { DebrisLook } from './debris-look.ts';

/**
 * `remove`: nothing of it can be of use to anybody. `watch`: removed when the same is seen again, later. `keep`: it may be
 * somebody's, so only a request or the next opening of the instance removes it.
 */
export interface Verdict {
  readonly act: 'nothing' | 'remove' | 'watch' | 'keep';
  readonly why: string;
}

/** The rule of docs/crash-safety.md, for a name that no sandbox in the table has. */
export function judgeDebris(look: DebrisLook): Verdict {
  if (look.stray !== null) return { act: 'keep', why: `${look.stray}, and nothing of ours looks like it` };
  if (look.unreadable !== null) return { act: 'keep', why: `its record cannot be understood: ${look.unreadable}` };
  return judgeRoot(look) ?? judgeProcesses(look);
}

/** null: no files of a user are on the disk. */
function judgeRoot({ record, diskRecord, diskFiles }: DebrisLook): Verdict | null {
  for (const known of [record, diskRecord])
    if (known !== null && known.root !== null && known.state !== 'intent')
      return {
        act: 'keep',
        why: `its root on disk, ${known.root}, holds files; the next opening of the instance adopts it`,
      };
  const hasFiles = diskFiles?.some((name) => !name.startsWith('record')) === true;
  const isHalfMade = record?.state === 'intent' || diskRecord?.state === 'intent';
  if (hasFiles && !isHalfMade) return { act: 'keep', why: 'a root on disk without a record may hold files' };
  return null;
}

function judgeProcesses({ record, pids, paths, cgroups, diskFiles }: DebrisLook): Verdict {
  if (paths.length === 0) return { act: 'nothing', why: 'nothing is there' };
  // A record of the intent alone: whoever asked for the sandbox never got it.
  if (record?.state === 'intent') return { act: 'remove', why: 'its create got no further than this' };
  if (record?.state === 'parked') return { act: 'remove', why: 'it was parked, and never anybody’s' };
  const alive = `${pids.length} processes live in it (${pids.slice(0, 8).join(', ')})`;
  if (pids.length > 0 && record !== null)
    return {
      act: 'keep',
      why: `${alive}, and its record says that it runs; the next opening of the instance adopts it`,
    };
  if (pids.length > 0) return { act: 'watch', why: `${alive}, and it has no record` };
  if (record !== null) return { act: 'remove', why: 'it has ended' };
  const what =
    cgroups.length > 0 ? 'empty cgroups' : diskFiles === null ? 'an empty directory' : 'an empty root on disk';
  return { act: 'remove', why: `${what} without a record` };
}
