import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { leakedSince, listBelongings } from '../../../tests/hostile/leak-check.ts';
import { World } from '../../../tests/made-up-network/made-up-world.ts';
import { Runtime, type RuntimeOptions, type Sandbox } from '../src/index.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';

export const sweptOperations = [
  'create',
  'exec',
  'pause',
  'resume',
  'destroy',
  'stop',
  'start',
  'park',
  'take',
  'create on a slot',
  'destroy on a slot',
  'updateNetwork',
] as const;
export type SweptOperation = (typeof sweptOperations)[number];

/** Their sandboxes are on network slots, of a made-up host. */
const onSlots: ReadonlySet<SweptOperation> = new Set(['create on a slot', 'destroy on a slot', 'updateNetwork']);

export function isOnSlot(operation: SweptOperation): boolean {
  return onSlots.has(operation);
}

/** Who is killed. */
export const sweptRoles = ['runner', 'zygote', 'init'] as const;
export type SweptRole = (typeof sweptRoles)[number];

export interface SweepPoint {
  readonly operation: SweptOperation;
  readonly role: SweptRole;
  /** Which of its system calls, from 1 on; strace(1) counts for each thread. */
  readonly call: number;
}

export interface SweepOutcome {
  /** What is wrong after the restart; null: nothing. */
  readonly wrong: string | null;
  /** false: it made fewer calls, and nobody was killed; the sweep of this operation and role is over. */
  readonly killed: boolean;
  /** What the runner said of the operation; null: it was the one who was killed. */
  readonly told: string | null;
  /** What the sandbox was after the restart. */
  readonly state: string;
}

/** What changes something. Of a runner only these: it waits and allocates in between. Of the shim all but its waiting. */
const runnerCalls =
  'openat,openat2,open_tree,mkdir,rename,unlink,rmdir,symlink,write,pwrite64,writev,sendmsg,sendto,recvmsg,close,pipe2,socketpair,connect,clone3,memfd_create,ftruncate,chmod,fchmod,chown,fchown,fchownat,ioctl,pidfd_open,pidfd_send_signal,fsync,unlinkat,umount2,fcntl';
const shimCalls = '!epoll_wait,epoll_pwait';

/** Is the call possible in this pair at all? */
export function isSwept(operation: SweptOperation, role: SweptRole): boolean {
  // What becomes of slots and rules is the runner's.
  if (isOnSlot(operation)) return role === 'runner';
  if (role === 'zygote') return operation === 'create' || operation === 'start' || operation === 'park';
  if (operation === 'park' || operation === 'take') return role === 'runner';
  return role === 'runner' || (operation !== 'create' && operation !== 'start');
}

/** Attached once strace says so for the last of its threads that there are. */
async function inject(pid: number, calls: string, call: number): Promise<ChildProcess> {
  const args = ['-f', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${calls}:signal=SIGKILL:when=${call}`];
  const strace = spawn('strace', [...args, '-p', String(pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
  if (strace.stderr === null) throw new Error('its errors are not piped');
  for await (const line of createInterface({ input: strace.stderr })) {
    if (line.includes(`Process ${pid} attached`)) {
      strace.stderr.resume();
      return strace;
    }
    if (line.includes('strace:') && !line.includes('attached')) throw new Error(line);
  }
  throw new Error('strace ended before it was attached');
}

interface Place {
  /** null: its sandboxes have no slots. */
  readonly world: World | null;
  readonly runDirectory: string;
  readonly dataDirectory: string;
  readonly instance: string;
  /** Fails with what is left; zombies are the host's PID 1's, which takes its time. */
  expectNothingLeft(): Promise<void>;
}

/** `npm run sweep` has no test runner around it. */
async function makePlace(operation: SweptOperation): Promise<Place> {
  const directory = mkdtempSync('/dev/shm/hatchery-sweep-');
  const runDirectory = join(directory, 'run');
  const scope = { runDirectory, instance: `sweep-${randomBytes(5).toString('hex')}` };
  const world = isOnSlot(operation) ? await World.make() : null;
  const before = listBelongings(scope);
  return {
    ...scope,
    world,
    dataDirectory: join(directory, 'data'),
    async expectNothingLeft() {
      if (world !== null) await expectNoSlots(world);
      const deadline = performance.now() + 10_000;
      for (;;) {
        const { descriptors, ...kinds } = leakedSince(before, scope);
        // This process starts others meanwhile, to whom it gives /dev/null.
        const ours = { ...kinds, descriptors: descriptors.filter((line) => !line.endsWith(' /dev/null')) };
        const left = Object.entries(ours).filter(([, lines]) => lines.length > 0);
        if (left.length === 0) {
          await world?.end();
          return rmSync(directory, { recursive: true });
        }
        if (performance.now() > deadline) throw new Error(`left in ${directory}: ${JSON.stringify(left)}`);
        await nextTurn();
      }
    },
  };
}

/** On the made-up host: rules, interfaces and leases of addresses. */
async function expectNoSlots(world: World): Promise<void> {
  const links = (await world.run('ip', '-br', 'link')).trim().split('\n');
  const names = links.map((line) => line.split(/[ @]/)[0] ?? '').filter((name) => name !== 'lo' && name !== 'uplink');
  const left = [...names, ...world.leases(), (await world.run('nft', 'list', 'tables')).trim()].filter(
    (one) => one !== '',
  );
  if (left.length > 0) throw new Error(`left of network slots: ${left.join(', ')}`);
}

function openOptions({ runDirectory, dataDirectory, instance, world }: Place): RuntimeOptions {
  if (world === null) return { runDirectory, dataDirectory, instance, pool: false };
  const { hostNetns, leaseDirectory } = world.options();
  return { runDirectory, dataDirectory, instance, pool: false, network: { hostNetns, leaseDirectory } };
}

interface Victim {
  readonly child: ChildProcess;
  readonly end: Promise<unknown>;
  readonly lines: AsyncIterator<string>;
  readonly pids: Readonly<Record<SweptRole, number>>;
}

async function startVictim(place: Place, operation: SweptOperation): Promise<Victim> {
  const { runDirectory, dataDirectory, instance, world } = place;
  const program = new URL('./programs/sweep-victim.ts', import.meta.url);
  const host = world === null ? [] : [`/proc/${world.host.pid}/ns/net`, world.options().leaseDirectory];
  const child = startProgram(program, [runDirectory, dataDirectory, instance, operation, ...host]);
  const lines = linesOf(child);
  const [ready, zygote, init] = (await nextLine(lines)).split(' ');
  if (ready !== 'ready') throw new Error(`the victim said "${ready}"`);
  return {
    child,
    end: ended(child),
    lines,
    pids: { runner: child.pid ?? 0, zygote: Number(zygote), init: Number(init) },
  };
}

/** What it says of the operation; null when it is killed first. */
async function outcomeOf({ end, lines }: Victim): Promise<string | null> {
  const told = await Promise.race([lines.next().then(({ value, done }) => (done === true ? null : value)), end]);
  return typeof told === 'string' ? told : null;
}

/** Every sandbox must be in a state that it can stay in, work if it runs, and go. */
async function checkAfterRestart(runtime: Runtime, world: World | null): Promise<string> {
  const states: string[] = [];
  for (const sandbox of runtime.list()) states.push(await checkSandbox(sandbox));
  if (world !== null) for (const sandbox of runtime.list()) await checkRules(sandbox, world);
  const { leaks } = await runtime.census();
  if (leaks.length > 0) throw new Error(`leaks: ${JSON.stringify(leaks)}`);
  for (const sandbox of runtime.list()) await sandbox.destroy();
  const rest = await runtime.census();
  if (rest.leaks.length > 0) throw new Error(`leaks after the destroy: ${JSON.stringify(rest.leaks)}`);
  return states.join() || 'none';
}

async function checkSandbox(sandbox: Sandbox): Promise<string> {
  const { state } = sandbox;
  if (state === 'paused') await sandbox.resume();
  else if (state === 'stopped') await sandbox.start();
  else if (state !== 'running') throw new Error(`${sandbox.id} is ${state} after the restart`);
  const { exitCode } = await sandbox.run(['true']);
  if (exitCode !== 0) throw new Error(`${sandbox.id}, ${state}: true ended with ${exitCode}`);
  return state;
}

/** What it reaches is what its rules on record say: those before the change that was cut short, or those after it. */
async function checkRules(sandbox: Sandbox, world: World): Promise<void> {
  const { network } = sandbox.spec;
  if (network === null) throw new Error(`${sandbox.id} has no rules`);
  const rules = await world.run('nft', 'list', 'ruleset');
  const kind = network.allow === null ? 'open' : 'closed';
  if (!new RegExp(`${sandbox.address} : goto ${kind}-`).test(rules)) throw new Error(`${sandbox.id} is not ${kind}`);
  for (const entry of [...(network.allow ?? []), ...network.deny])
    if (!rules.includes(`${sandbox.address} . ${entry}`)) throw new Error(`${sandbox.id} has no rule for ${entry}`);
}

/** Kills one part at one system call of one operation, restarts once, and looks. */
export async function sweepPoint({ operation, role, call }: SweepPoint): Promise<SweepOutcome> {
  const place = await makePlace(operation);
  const victim = await startVictim(place, operation);
  const strace = await inject(victim.pids[role], role === 'runner' ? runnerCalls : shimCalls, call);
  const traced = new Promise((resolve) => strace.once('exit', resolve));
  victim.child.stdin?.write('go\n');
  const told = await outcomeOf(victim);
  // Its sockets close a moment before it counts as dead.
  const killed = told === null || told.startsWith('failed') || isDead(victim.pids[role]);
  victim.child.kill('SIGKILL');
  await victim.end;
  strace.kill('SIGINT');
  await traced;
  const runtime = await Runtime.open(openOptions(place));
  try {
    const state = await checkAfterRestart(runtime, place.world);
    await runtime.close();
    await place.expectNothingLeft();
    return { killed, told, state, wrong: null };
  } catch (error) {
    await runtime.close();
    return { killed, told, state: 'wrong', wrong: error instanceof Error ? error.message : String(error) };
  }
}

/** Or waits to be reaped. */
function isDead(pid: number): boolean {
  try {
    const [state] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return state === 'Z' || state === 'X';
  } catch {
    return true;
  }
}

/** Points of one operation and role, from the first call until nobody is killed any more. */
export async function* sweep(
  operation: SweptOperation,
  role: SweptRole,
  { step, most }: { step: number; most: number },
): AsyncGenerator<SweepPoint & SweepOutcome> {
  // A destroy and a stop end init themselves: it makes no call of its own in them.
  const last = role === 'init' && (operation === 'destroy' || operation === 'stop') ? 2 : most;
  for (let call = 1; call <= last; call += step) {
    const point = { operation, role, call };
    const outcome = await sweepPoint(point);
    yield { ...point, ...outcome };
    if (!outcome.killed) return;
  }
}
