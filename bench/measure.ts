import { setTimeout as delay } from 'node:timers/promises';

import type { Participant } from './contestants/contestant.ts';
import type { Operation, Temperature } from './operations/operation.ts';
import { type PayloadName, payloadCommands } from './payload.ts';
import type { Row } from './results.ts';
import { summarise } from './statistics.ts';

const idleMs = 60;
/** Their figures are thrown away: first use pays for page cache, JIT and slab growth. */
const warmUps = 3;
/** Hot rounds come in runs of this many a contestant, after one that is not counted: behind a neighbour's round nothing is hot. */
const runLength = 5;

export interface Entry {
  readonly name: string;
  readonly participant: Participant;
}

interface Lane extends Entry {
  readonly samples: number[];
  prepared: boolean;
  error: string | null;
}

async function attempt(lane: Lane, step: () => Promise<void>): Promise<void> {
  if (lane.error !== null) return;
  try {
    await step();
  } catch (error) {
    lane.error = error instanceof Error ? error.message : String(error);
  }
}

/** The order turns by one each round, so that nobody always runs behind the same neighbour's clean-up. */
function inTurn(lanes: readonly Lane[], round: number): Lane[] {
  const start = round % lanes.length;
  return [...lanes.slice(start), ...lanes.slice(0, start)];
}

/** One cell of the table: all entries take turns, round by round. A failing one drops out of this cell and its row says why. */
export async function measureCell(
  operation: Operation,
  payload: PayloadName,
  temperature: Temperature,
  entries: readonly Entry[],
  options: { rounds: number; signal: AbortSignal },
): Promise<Row[]> {
  const lanes: Lane[] = entries
    .filter(({ participant }) => participant.operations.has(operation.name))
    .map((entry) => ({ ...entry, samples: [], prepared: false, error: null }));
  const idle = async (): Promise<void> => {
    if (temperature === 'cold') await delay(idleMs);
  };
  for (const lane of lanes) {
    await attempt(lane, async () => {
      await operation.before?.(lane.participant);
      lane.prepared = true;
    });
  }
  try {
    const run = temperature === 'hot' && operation.backToBack ? runLength : 1;
    const once = (lane: Lane): Promise<number> => operation.round(lane.participant, payloadCommands[payload], idle);
    for (let turn = 0; turn * run < warmUps + options.rounds; turn++) {
      for (const lane of inTurn(lanes, turn)) {
        options.signal.throwIfAborted();
        await attempt(lane, async () => {
          if (run > 1) await once(lane);
          for (let round = 0; round < run; round++) lane.samples.push(await once(lane));
        });
      }
    }
  } finally {
    for (const lane of lanes) {
      if (!lane.prepared) continue;
      // Also for a lane that failed: what `before` made is still there.
      await operation.after?.(lane.participant).catch((error: unknown) => {
        lane.error ??= error instanceof Error ? error.message : String(error);
      });
    }
  }
  return lanes.map(({ name, samples, error }) => ({
    operation: operation.name,
    payload,
    temperature,
    contestant: name,
    summary: error === null ? summarise(samples.slice(warmUps)) : null,
    error,
  }));
}
