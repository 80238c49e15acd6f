/** The files of a v1 group that tell what it uses, by what they tell. */
export const memoryNow: string = 'memory.usage_in_bytes';
/** What it charges for, by kind; `total_` with the groups below. */
export const memoryKinds: string = 'memory.stat';
export const cacheKind: string = 'total_cache';
export const memoryPeak: string = 'memory.max_usage_in_bytes';
/** Counts kills since Linux 4.13. */
export const oomEvents: string = 'memory.oom_control';
export const pidsNow: string = 'pids.current';
