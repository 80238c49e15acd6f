import { setTimeout as delay } from 'node:timers/promises';

import type { Operation } from './operation.ts';

const sandboxes = 100;
/** The kernel goes on dismantling a hundred network namespaces after the last exit: nobody shall pay for his neighbour's. */
const settleMs = 400;

export const burst: Operation = {
  name: 'burst',
  title: '100 creates at once, on demand → all exited',
  payloads: ['tiny', 'busybox'],
  temperatures: ['hot'],
  backToBack: false,
  async round(participant, command, idle) {
    await participant.prepare(sandboxes);
    await delay(settleMs);
    await idle();
    return participant.burst(sandboxes, command);
  },
};

export const poolBurst: Operation = {
  name: 'pool-burst',
  title: '100 creates at once, from the pool → all exited',
  payloads: ['tiny', 'busybox'],
  temperatures: ['hot'],
  backToBack: false,
  async round(participant, command, idle) {
    await participant.prepareParked(sandboxes);
    await delay(settleMs);
    await idle();
    return participant.parkedBurst(sandboxes, command);
  },
};
