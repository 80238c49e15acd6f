import type { Operation } from './operation.ts';

export const destroy: Operation = {
  name: 'destroy',
  title: 'destroy, running',
  payloads: ['none'],
  temperatures: ['hot'],
  backToBack: true,
  async round(participant, _command, idle) {
    await participant.prepare(1);
    await participant.create();
    await idle();
    return participant.destroy();
  },
};
