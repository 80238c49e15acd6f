import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What came back on a connection until its end. */
export interface Spoken {
  /** Of each answer, in their order. */
  readonly statuses: number[];
  readonly text: string;
}

/** Connects, and sends these bytes. How the other side breaks off is its own business. */
export async function dial(url: string, bytes: string | Buffer = ''): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  return socket;
}

/** Sends these bytes and nothing more, and waits until the server ends the connection. */
export async function speak(url: string, bytes: string | Buffer): Promise<Spoken> {
  const socket = await dial(url, bytes);
  return await heardOn(socket);
}

/** What comes until the other side ends the connection. */
export async function heardOn(socket: Socket): Promise<Spoken> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A reset is an end as well: whoever still sends gets one.
  if (!socket.closed) await new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  const text = Buffer.concat(chunks).toString('latin1');
  return { statuses: [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status)), text };
}
