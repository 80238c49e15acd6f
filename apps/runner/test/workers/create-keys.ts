import { workerData } from 'node:worker_threads';
import { KeyStore } from '../../src/keys/key-store.ts';

const { directory, name, count } = workerData as { directory: string; name: string; count: number };
const store = KeyStore.open(directory);
for (let index = 0; index < count; index++) await store.create(`${name}-${index}`);
