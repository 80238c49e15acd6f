// Mounts the image named first, as often as the second argument says; says so and holds the last mount until it is killed.
import { closeFd, mountDiskImage } from '../../src/index.ts';

const [, , path = '', times = '1'] = process.argv;
// Somebody who looks at a loop device for an instant (another process in search of a free one) keeps its lock for as long.
const patience = { waitMs: 10_000 };
for (let round = 1; round < Number(times); round++) closeFd(mountDiskImage(path, patience));
mountDiskImage(path, patience);
process.stdout.write('mounted\n');
setInterval(() => {}, 1 << 30);
