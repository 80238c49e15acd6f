/** A resource controller this package sets limits with. */
export type Controller = 'memory' | 'cpu' | 'pids';

/** Every {@link Controller}, in the order in which limits are written. */
export const controllers: readonly Controller[] = ['memory', 'cpu', 'pids'];
