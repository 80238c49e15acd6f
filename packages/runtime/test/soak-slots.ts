import { World } from '../../../tests/made-up-network/made-up-world.ts';
import { Runtime } from '../src/index.ts';

export interface SlotSoakOptions {
  readonly slots: number;
  readonly runDirectory: string;
  readonly dataDirectory: string;
  readonly tell: (line: string) => void;
}

/** At a time, as many as the runtime makes progress with. */
const inFlight = 8;

/**
 * So many sandboxes on slots of a made-up host, each with rules that its program meets, with and without a pool. Returns what
 * was not as it must be, and what is left of them, in words.
 */
export async function soakSlots({ slots, runDirectory, dataDirectory, tell }: SlotSoakOptions): Promise<string[]> {
  const world = await World.make();
  const wrong: string[] = [];
  try {
    const { hostNetns, leaseDirectory } = world.options();
    const runtime = await Runtime.open({
      runDirectory,
      dataDirectory,
      instance: `soak-slots-${process.pid}`,
      network: { hostNetns, leaseDirectory },
    });
    const times: number[] = [];
    let left = slots;
    const next = async (): Promise<void> => {
      while (left-- > 0) {
        const began = performance.now();
        const sandbox = await runtime.create({ network: { allow: ['198.51.100.2'] } });
        times.push(performance.now() - began);
        const script =
          'exec 3<>/dev/tcp/198.51.100.2/80; (exec 4<>/dev/tcp/203.0.113.9/80) 2>/dev/null && exit 9; exit 0';
        const { exitCode } = await sandbox.run(['bash', '-c', script]);
        if (exitCode !== 0) wrong.push(`${sandbox.id} at ${sandbox.address}: its program ended with ${exitCode}`);
        await sandbox.destroy();
        if (left % 100 === 0) tell(`${slots - left} slots, ${world.leases().length} leased`);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, next));
    await runtime.waitForLifecycles();
    const { leaks } = await runtime.census();
    wrong.push(...leaks.map((leak) => JSON.stringify(leak)));
    const sorted = times.toSorted((a, b) => a - b);
    const at = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(1);
    tell(
      `create: p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, ${inFlight} at a time; pool ${JSON.stringify(runtime.poolStats())}`,
    );
    await runtime.close();
    const rest = [
      await world.run('nft', 'list', 'tables'),
      ...(await world.run('ip', '-br', 'link')).split('\n').filter((line) => line.startsWith('h')),
      ...world.leases(),
    ];
    wrong.push(...rest.filter((line) => line !== '').map((line) => `left: ${line}`));
  } finally {
    await world.end();
  }
  return wrong;
}
