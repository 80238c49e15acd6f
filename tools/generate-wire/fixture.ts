import { maxListedTextBytes, maxMessageBytes, wireVersion } from '../../packages/zygote-ipc/src/wire/messages.ts';
import { table } from './table.ts';

export const fixturePath: string = `test/fixtures/wire-v${wireVersion}.json`;

/** What of the table the other end depends on; the descriptions are left out. */
export function fixture(): unknown {
  const shapes = table.map(([name, { tag, from, to, fields, descriptors }]) => [
    name,
    {
      tag,
      from,
      to,
      fields: fields.map(([field, type]) => [field, type]),
      descriptors: descriptors.map(([descriptor, kind]) => [descriptor, kind]),
    },
  ]);
  return { version: wireVersion, maxMessageBytes, maxListedTextBytes, messages: Object.fromEntries(shapes) };
}
