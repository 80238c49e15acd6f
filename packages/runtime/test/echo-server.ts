import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Execution, Sandbox } from '../src/index.ts';

const program = readFileSync(join(import.meta.dirname, 'programs/echo-server.pl'), 'latin1');

/** An echo server inside, listening. */
export async function startEcho(sandbox: Sandbox, address: string, port: number): Promise<Execution> {
  const server = await sandbox.exec(['perl', '-e', program, address, String(port)]);
  server.stderr.on('data', (bytes: Buffer) => process.stderr.write(bytes));
  await once(server.stdout, 'data');
  return server;
}
