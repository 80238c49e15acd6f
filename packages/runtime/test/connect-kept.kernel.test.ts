import { buffer, text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { Runtime } from '../src/index.ts';
import { startEcho } from './echo-server.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();

// Mutation: letGo() does not end them: the census of the next runtime has a descriptor too many, and the process does not end.
test('a runtime that closes and keeps its sandboxes ends its own connections; the next one makes new ones', async () => {
  const { runDirectory, dataDirectory, instance } = place;
  const first = await Runtime.open({ runDirectory, dataDirectory, instance });
  const kept = await first.create();
  await startEcho(kept, '127.0.0.1', 7001);
  const reading = buffer(await kept.connect(7001)).catch((error: unknown) => error);
  await first.close({ sandboxes: 'keep' });
  expect(await reading).toMatchObject({ code: 'ERR_RUNTIME_CLOSED' });
  await expect(kept.connect(7001)).rejects.toMatchObject({ code: 'ERR_RUNTIME_CLOSED' });
  await using next = await Runtime.open({ runDirectory, dataDirectory, instance });
  const socket = await next.get(kept.id)?.connect(7001);
  if (socket === undefined) throw new Error('it was not adopted');
  socket.end('adopted');
  expect(await text(socket)).toBe('adopted');
});
