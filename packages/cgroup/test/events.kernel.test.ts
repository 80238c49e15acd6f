import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type Cgroup, type CgroupEvent, createCgroup } from '../src/index.ts';
import { release, TenantHouse } from './tenant.ts';

const house = new TenantHouse();
house.install();
const MiB = 1024 * 1024;

async function next(events: AsyncIterator<CgroupEvent>): Promise<CgroupEvent | 'end'> {
  const { done, value } = await events.next();
  return done === true ? 'end' : value;
}

async function exceed(group: Cgroup): Promise<void> {
  const child = await house.enter(group, ['touch', String(64 * MiB)]);
  const exited = once(child, 'exit');
  release(child);
  await exited;
}

describe('events', () => {
  it('tell what happens to a group, and end with it', async () => {
    const group = createCgroup({ path: house.path, limits: { memoryBytes: 16 * MiB } });
    const events = group.events();
    const child = await house.enter(group, ['pause']);
    expect(await next(events)).toEqual({ type: 'populated', populated: true });
    await group.freeze();
    expect(await next(events)).toEqual({ type: 'frozen', frozen: true });
    await group.thaw();
    expect(await next(events)).toEqual({ type: 'frozen', frozen: false });
    await exceed(group);
    expect(await next(events)).toEqual({ type: 'oom', kills: 1, total: 1 });
    child.kill('SIGKILL');
    expect(await next(events)).toEqual({ type: 'populated', populated: false });
    const end = next(events);
    await group.remove();
    expect(await end).toBe('end');
    expect(await next(events)).toBe('end');
  });

  // Mutation: in #set keep a list of the changes and deliver each.
  it('a reader that comes late is told no change that was undone meanwhile, and of every kill', async () => {
    const group = createCgroup({ path: house.path, limits: { memoryBytes: 16 * MiB } });
    const events = group.events();
    await group.freeze();
    await group.thaw();
    await exceed(group);
    await exceed(group);
    const told: CgroupEvent[] = [];
    let kills = 0;
    while (kills < 2) {
      const event = await next(events);
      if (event === 'end') expect.unreachable();
      told.push(event);
      if (event.type === 'oom') kills += event.kills;
    }
    expect(told.at(-1)).toMatchObject({ type: 'oom', total: 2 });
    expect(told.filter(({ type }) => type === 'frozen')).toEqual([]);
    await group.remove();
  });

  it('a signal ends them with its reason, return() without one, and neither leaves a descriptor', async () => {
    const group = createCgroup({ path: house.path });
    const controller = new AbortController();
    const events = group.events({ signal: controller.signal });
    const waiting = next(events);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(await next(events)).toBe('end');
    expect(() => group.events({ signal: controller.signal })).toThrow(reason);

    const others = group.events();
    await group.freeze();
    for await (const event of others) {
      expect(event).toEqual({ type: 'frozen', frozen: true });
      break;
    }
    expect(await next(others)).toBe('end');
    await group.remove();
  });
});
