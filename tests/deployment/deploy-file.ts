import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const repository: string = fileURLToPath(new URL('../..', import.meta.url));

/** The path of a file of `deploy/`. */
export function deployPath(name: string): string {
  return `${repository}deploy/${name}`;
}

export function readDeployFile(name: string): string {
  return readFileSync(deployPath(name), 'utf8');
}
