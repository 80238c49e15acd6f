import { expect, it } from 'vitest';
import { clientPackages, importClient } from './client.ts';
import { soakClients } from './soak-clients.ts';
import { useServe } from './use-serve.ts';

const serve = useServe();

// The long form is `npm run soak -- e2b`: 50 clients for ten minutes.
it.each(clientPackages)(
  'clients that work are all served while others do their worst (%s)',
  { timeout: 120_000 },
  async (name) => {
    const client = await importClient(name);
    const { url, key } = serve();
    const options = { client, url, key, clients: 8, hostileShare: 0.25, durationMs: 5000, seed: 1 };
    const { wrong, requests, hostile } = await soakClients(options);
    expect(wrong).toEqual([]);
    expect(requests).toBeGreaterThan(20);
    expect(Object.keys(hostile)).not.toEqual([]);
  },
);
