// usage: node test/wire/write-fuzz-seeds.ts FOLDER
// Writes one input for native/test/wire-fuzz.c a message, short and with every list full: a fuzzer that starts from
// nothing takes minutes to grow a list to its limit.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from '../../src/wire/encode.ts';
import { messageNames, sampleMessage } from './sample-message.ts';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: node test/wire/write-fuzz-seeds.ts FOLDER');
for (const [choice, name] of messageNames.entries()) {
  for (const size of ['short', 'full'] as const) {
    const { data, fds } = encode(name, 1, sampleMessage(name, size));
    const head = Buffer.of(choice, fds.length, 0, 1);
    writeFileSync(join(folder, `${name}-${size}`), Buffer.concat([head, data.subarray(12)]));
  }
}
