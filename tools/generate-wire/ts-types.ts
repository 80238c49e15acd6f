import type { FieldType, MessageLayout } from '../../packages/zygote-ipc/src/wire/messages.ts';
import { capital, isEmpty } from './ts-lines.ts';

const types: Readonly<Record<FieldType['type'], string>> = {
  u8: 'number',
  u16: 'number',
  u32: 'number',
  u64: 'number',
  i32: 'number',
  bool: 'boolean',
  text: 'string',
  cutText: 'string',
  bytes: 'Uint8Array',
  u32s: 'readonly number[]',
  texts: 'readonly string[]',
};

const descriptorTypes = { one: 'number', optional: 'number | null', list: 'readonly number[]' } as const;

export function typeDeclaration(name: string, layout: MessageLayout): string[] {
  const head = layout.what === '' ? [] : [`/** ${layout.what} */`];
  if (isEmpty(layout)) return [...head, `export type ${capital(name)}Message = Readonly<Record<string, never>>;`, ''];
  const members = [
    ...layout.fields.map(([field, type, what]) => [field, types[type.type], what]),
    ...layout.descriptors.map(([descriptor, kind, what]) => [descriptor, descriptorTypes[kind.kind], what]),
  ];
  return [
    ...head,
    `export interface ${capital(name)}Message {`,
    ...members.flatMap(([member, type, what]) => [
      ...(what === '' ? [] : [`  /** ${what} */`]),
      `  readonly ${member}: ${type};`,
    ]),
    '}',
    '',
  ];
}
