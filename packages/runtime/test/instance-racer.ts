import { statSync } from 'node:fs';
import { join } from 'node:path';
import { listAbandoned, openInstance } from '../src/instance/instance.ts';

// Opens private instances and sweeps those of others, as fast as it can; fails when one that it holds is taken away.
const [runDirectory = ''] = process.argv.slice(2);
for (let round = 0; round < 300; round++) {
  const instance = openInstance({ runDirectory, name: null });
  for (const abandoned of listAbandoned(runDirectory, () => {})) {
    if (abandoned.name === instance.name) process.exit(3);
    abandoned.close();
  }
  statSync(join(instance.directory, 'epoch'));
  instance.close();
}
