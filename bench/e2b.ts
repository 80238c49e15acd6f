// usage: node --conditions=@hatchery/source bench/e2b.ts [--rounds N] [--base ROOT]
//
// What the published `e2b` client costs over loopback, beside the same calls of the library in this process: create, create
// to the first byte of a command, `commands.run('true')`; requests per second of `GET /v2/sandboxes` with a hundred
// sandboxes there; and how long `serve`, as it is built, takes from its start to its first answer. `--base`: on that root
// directory (what `npm run base` has built) instead of this host's programs. Library and client take turns.
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Sandbox as LibrarySandbox, Runtime } from '@hatchery/runtime';
import { Sandbox } from 'e2b';
import { fromBuild, ServeProcess } from '../tests/e2b/serve-process.ts';
import { summarise } from './statistics.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '50' }, base: { type: 'string' } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: not a whole number from 1 on`);
const image = values.base ?? 'host';
const listed = 100;
const connections = 8;

async function timed(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await act();
  return performance.now() - started;
}

function tell(name: string, times: readonly number[]): number {
  const { medianMs, p95Ms } = summarise(times);
  console.log(`${name.padEnd(52)} ${medianMs.toFixed(2).padStart(9)} ${p95Ms.toFixed(2).padStart(9)}`);
  return medianMs;
}

/** Rounds of both in turns; the first is a warm-up. Each round makes what it needs and removes it off the clock. */
async function compare(what: string, library: () => Promise<number>, client: () => Promise<number>): Promise<void> {
  const times = { library: [] as number[], client: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    const one = { library: await library(), client: await client() };
    if (round === 0) continue;
    times.library.push(one.library);
    times.client.push(one.client);
  }
  const own = tell(`${what}, library`, times.library);
  const wire = tell(`${what}, e2b client`, times.client);
  console.log(`${''.padEnd(52)} ${`x ${(wire / own).toFixed(2)}`.padStart(9)}`);
}

async function createBeside(runtime: Runtime): Promise<void> {
  await compare(
    'create',
    async () => {
      let made: LibrarySandbox | undefined;
      const time = await timed(async () => {
        made = await runtime.create({ image, root: 'disk', noNewPrivileges: false });
      });
      await made?.destroy();
      return time;
    },
    async () => {
      let made: Sandbox | undefined;
      const time = await timed(async () => {
        made = await Sandbox.create();
      });
      await made?.kill();
      return time;
    },
  );
}

async function firstByteBeside(runtime: Runtime): Promise<void> {
  await compare(
    'create to the first byte of `echo`',
    async () => {
      let made: LibrarySandbox | undefined;
      const time = await timed(async () => {
        made = await runtime.create({ image, root: 'disk', noNewPrivileges: false });
        const execution = await made.exec(['/bin/bash', '-l', '-c', 'echo x']);
        for await (const _ of execution.stdout) break;
      });
      await made?.destroy();
      return time;
    },
    async () => {
      let made: Sandbox | undefined;
      const first = Promise.withResolvers<void>();
      const time = await timed(async () => {
        made = await Sandbox.create();
        await made.commands.run('echo x', { background: true, onStdout: () => first.resolve() });
        await first.promise;
      });
      await made?.kill();
      return time;
    },
  );
}

async function runBeside(runtime: Runtime): Promise<void> {
  await using own = await runtime.create({ image });
  const hosted = await Sandbox.create();
  await compare(
    "commands.run('true')",
    async () => await timed(() => own.run(['/bin/bash', '-l', '-c', 'true'], { user: 'user' })),
    async () => await timed(() => hosted.commands.run('true')),
  );
  await hosted.kill();
}

/** As fast as eight connections ask, for two seconds. */
async function listRate({ url, key }: ServeProcess): Promise<void> {
  const made = await Promise.all(Array.from({ length: listed }, () => Sandbox.create()));
  let answers = 0;
  const endAt = performance.now() + 2000;
  const ask = async (): Promise<void> => {
    while (performance.now() < endAt) {
      const response = await fetch(`${url}/v2/sandboxes`, { headers: { 'X-API-KEY': key } });
      if (!response.ok) throw new Error(`GET /v2/sandboxes: ${response.status}`);
      await response.arrayBuffer();
      answers++;
    }
  };
  const seconds = (await timed(() => Promise.all(Array.from({ length: connections }, ask)))) / 1000;
  const name = `GET /v2/sandboxes, ${listed} in it, ${connections} at a time`;
  console.log(`${name.padEnd(52)} ${(answers / seconds).toFixed(0).padStart(9)} requests a second`);
  await Promise.all(made.map((sandbox) => sandbox.kill()));
}

/** Of what `npm start` runs. */
async function startUp(): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round <= Math.min(rounds, 10); round++) {
    const serve = await ServeProcess.start({ program: fromBuild });
    if (round > 0) times.push(serve.startedMs);
    await serve.stop();
    rmSync(serve.directory, { recursive: true });
  }
  tell('start of `serve` to its first answer', times);
}

const directory = mkdtempSync('/dev/shm/hatchery-bench-');
const serve = await ServeProcess.start({
  args: ['--on-exit', 'destroy'],
  baseRoot: values.base,
  program: fromBuild,
});
try {
  Object.assign(process.env, serve.environment);
  await using runtime = await Runtime.open({
    runDirectory: join(directory, 'run'),
    dataDirectory: join(directory, 'data'),
  });
  console.log(`load of the machine ${loadavg()[0]?.toFixed(2)}, ${rounds} rounds, image ${image}`);
  console.log(`${'milliseconds'.padEnd(52)} ${['median', 'p95'].map((name) => name.padStart(9)).join(' ')}`);
  await createBeside(runtime);
  await firstByteBeside(runtime);
  await runBeside(runtime);
  await listRate(serve);
  await startUp();
} finally {
  await serve.stop();
  rmSync(serve.directory, { recursive: true, force: true });
  rmSync(directory, { recursive: true, force: true });
}
