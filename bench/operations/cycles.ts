import { setTimeout as delay } from 'node:timers/promises';

import type { Operation } from './operation.ts';

const cyclesInRound = 100;
/** As in burst.ts; what is dismantled within the round is the round's own. */
const settleMs = 400;

export const cycles: Operation = {
  name: 'cycles',
  title: 'create, run and destroy, 8 in flight, of 100 each',
  payloads: ['tiny', 'busybox'],
  temperatures: ['hot'],
  backToBack: false,
  async round(participant, command, idle) {
    await participant.prepare(cyclesInRound);
    await delay(settleMs);
    await idle();
    return (await participant.cycles(cyclesInRound, command)) / cyclesInRound;
  },
};
