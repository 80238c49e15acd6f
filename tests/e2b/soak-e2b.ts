import { rmSync } from 'node:fs';
import { ServeProcess } from './serve-process.ts';
import { soakClients } from './soak-clients.ts';

const clients = 50;
const hostileShare = 0.05;
/** What memory may differ by from the first third to the last, when nothing is kept: buffers, and pages not given back yet. */
const roomBytes = 32 * 2 ** 20;
const sampleMs = 1000;

/** Fifty clients for so many seconds; tells what it sees. Returns the exit code: 0 only when nothing was wrong. */
export async function soakE2b(seconds: number, seed: number): Promise<number> {
  const client = await import('e2b');
  const serve = await ServeProcess.start({ args: ['--on-exit', 'destroy', '--log-level', 'info'] });
  const memory: number[] = [];
  const sampling = setInterval(() => memory.push(serve.residentBytes), sampleMs);
  try {
    Object.assign(process.env, serve.environment);
    const { url, key } = serve;
    const onProgress = ({
      requests,
      sandboxes,
      wrong,
    }: {
      requests: number;
      sandboxes: number;
      wrong: readonly string[];
    }) =>
      void process.stderr.write(
        `${requests} requests, ${sandboxes} sandboxes, ${wrong.length} wrong, ${mebibytes(serve.residentBytes)} MiB\n`,
      );
    const durationMs = seconds * 1000;
    const ending = new AbortController();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ending.abort());
    const result = await soakClients({
      client,
      url,
      key,
      clients,
      hostileShare,
      durationMs,
      seed,
      onProgress,
      signal: ending.signal,
    });
    clearInterval(sampling);
    const third = Math.floor(memory.length / 3);
    const [early, late] = [median(memory.slice(third, 2 * third)), median(memory.slice(2 * third))];
    const left = await client.Sandbox.list().nextItems();
    const wrong = [...result.wrong];
    if (late > early + roomBytes) wrong.push(`memory grew from ${mebibytes(early)} to ${mebibytes(late)} MiB`);
    if (left.length > 0) wrong.push(`${left.length} sandboxes are left`);
    console.log(
      `seed ${seed}: ${clients} clients for ${seconds} s, ${result.requests} requests, ${result.sandboxes} sandboxes`,
    );
    console.log(`hostile: ${JSON.stringify(result.hostile)}`);
    console.log(
      `memory of the server: ${mebibytes(early)} MiB in the second third, ${mebibytes(late)} MiB in the last`,
    );
    for (const fault of wrong.slice(0, 20)) console.log(`wrong: ${fault}`);
    console.log(`${wrong.length} wrong`);
    return wrong.length > 0 ? 1 : 0;
  } finally {
    clearInterval(sampling);
    await serve.stop();
    rmSync(serve.directory, { recursive: true, force: true });
  }
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
