import type { RuntimeContext } from '../context.ts';

/** Those of the runtimes that are open in this thread: they share its descriptors, and one must not take another's for leaks. */
export const openContexts: Set<RuntimeContext> = new Set();
