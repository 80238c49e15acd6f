import type { Operation } from './operation.ts';

export const createToExit: Operation = {
  name: 'create-to-exit',
  title: 'create on demand → exit',
  payloads: ['tiny', 'busybox'],
  temperatures: ['hot', 'cold'],
  backToBack: true,
  async round(participant, command, idle) {
    await participant.prepare(1);
    await idle();
    return participant.createToExit(command);
  },
};
