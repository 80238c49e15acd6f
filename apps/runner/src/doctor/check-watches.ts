import { readFileSync } from 'node:fs';
import type { DoctorFinding } from '@hatchery/runtime';

const setting = 'fs.inotify.max_user_instances';
/** With half of them for clients, enough for 32 sandboxes that have all they may. */
const enough = 1024;

/** How many directories clients can watch at the same time: each is an inotify instance of root's. */
export function checkWatches(): DoctorFinding {
  const named = { name: 'inotify-instances', needed: false };
  const instances = Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'utf8'));
  const detail = `${setting} is ${instances}`;
  if (instances >= enough) return { ...named, ok: true, detail, cost: null, remedy: null };
  const cost = `clients of all sandboxes together can watch ${Math.floor(instances / 2)} directories at a time`;
  return {
    ...named,
    ok: false,
    detail,
    cost,
    remedy: `sysctl -w ${setting}=${enough}, and in /etc/sysctl.d to keep it`,
  };
}
