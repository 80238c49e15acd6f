import {
  type MessageLayout,
  maxListedTextBytes,
  maxMessageBytes,
  wireVersion,
} from '../../packages/zygote-ipc/src/wire/messages.ts';
import { table } from './table.ts';

export function fixturePath(version: number): string {
  return `test/fixtures/wire-v${version}.json`;
}

export interface Fixture {
  readonly version: number;
  readonly maxMessageBytes: number;
  readonly maxListedTextBytes: number;
  readonly messages: Readonly<Record<string, unknown>>;
}

/** What of the table the other end of a connection of `version` depends on; the descriptions are left out. */
export function fixture(version: number = wireVersion): Fixture {
  const shapes = table
    .filter(([, { since }]) => (since ?? 0) <= version)
    .map(([name, layout]) => [name, shape(layout, version)]);
  return { version, maxMessageBytes, maxListedTextBytes, messages: Object.fromEntries(shapes) };
}

function shape({ tag, from, to, fields, descriptors }: MessageLayout, version: number): unknown {
  return {
    tag,
    from,
    to,
    fields: fields.filter(([, , , since]) => (since ?? 0) <= version).map(([field, type]) => [field, type]),
    descriptors: descriptors
      .filter(([, , , since]) => (since ?? 0) <= version)
      .map(([descriptor, kind]) => [descriptor, kind]),
  };
}
