import { native } from './native-binding.ts';

/**
 * Makes the calling thread one for work that nobody waits for at the keyboard (SCHED_BATCH of sched(7), with slices of 10
 * ms where the kernel has them): it keeps its share of the processors, but whoever wakes up goes first. Other threads of
 * the process are as they were. Throws `LinuxError`.
 */
export function yieldToOthers(): void {
  native().yieldToOthers();
}
