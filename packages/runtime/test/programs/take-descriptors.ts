import { closeSync, openSync } from 'node:fs';

/** Takes every descriptor that there is but `free`; what it returns gives them back. */
export function takeDescriptors(free: number): () => void {
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
  }
  for (const fd of taken.splice(0, free)) closeSync(fd);
  return () => {
    for (const fd of taken) closeSync(fd);
  };
}
