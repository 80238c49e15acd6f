import type { Operation } from './operation.ts';

export const firstByte: Operation = {
  name: 'first-byte',
  title: 'create on demand → first byte',
  payloads: ['byte'],
  temperatures: ['hot', 'cold'],
  backToBack: true,
  async round(participant, command, idle) {
    await participant.prepare(1);
    await idle();
    return participant.firstByte(command);
  },
};

export const poolFirstByte: Operation = {
  name: 'pool-first-byte',
  title: 'create from the pool → first byte',
  payloads: ['byte'],
  temperatures: ['hot', 'cold'],
  backToBack: true,
  async round(participant, command, idle) {
    await participant.prepareParked(1);
    await idle();
    return participant.parkedFirstByte(command);
  },
};
