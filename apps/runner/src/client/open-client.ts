import { Client } from './client.ts';

/** What each command that speaks to a server takes. */
export interface ClientFlags {
  socket?: string;
}

/** The server of `--socket`, of HATCHERY_SOCKET, or the one of this machine. */
export function openClient({ socket }: ClientFlags): Client {
  return new Client(socket ?? process.env['HATCHERY_SOCKET'] ?? '/run/hatchery/hatchery.sock');
}
