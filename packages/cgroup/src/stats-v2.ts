/** The files of a v2 group that tell what it uses, by what they tell. */
export const memoryNow: string = 'memory.current';
/** What it charges for, by kind, with the groups below. */
export const memoryKinds: string = 'memory.stat';
export const cacheKind: string = 'file';
/** Since Linux 5.19. */
export const memoryPeak: string = 'memory.peak';
/** Counts the kills in the group and below. */
export const oomEvents: string = 'memory.events';
export const pidsNow: string = 'pids.current';
