import type { Operation } from './operation.ts';

export const create: Operation = {
  name: 'create',
  title: 'create alone',
  payloads: ['none'],
  temperatures: ['hot', 'cold'],
  backToBack: true,
  async round(participant, _command, idle) {
    await participant.prepare(1);
    await idle();
    const took = await participant.create();
    await participant.destroy();
    return took;
  },
};
