import type { Operation } from './operation.ts';

export const exec: Operation = {
  name: 'exec',
  title: 'exec in a running sandbox → exit',
  payloads: ['tiny', 'busybox'],
  temperatures: ['hot', 'cold'],
  backToBack: true,
  async before(participant) {
    await participant.prepare(1);
    await participant.create();
  },
  async round(participant, command, idle) {
    await idle();
    return participant.exec(command);
  },
  async after(participant) {
    await participant.destroy();
  },
};
