import type { FieldType, MessageLayout } from '../../packages/zygote-ipc/src/wire/messages.ts';
import { descriptorCounts } from './table.ts';
import { capital, isEmpty } from './ts-lines.ts';

function take(field: string, type: FieldType): string {
  const method = type.type === 'cutText' ? 'text' : type.type;
  return 'max' in type ? `reader.${method}('${field}', ${type.max})` : `reader.${method}('${field}')`;
}

/** What a field reads as on a connection of a version that does not have it. */
const empty: Readonly<Record<FieldType['type'], string>> = {
  u8: '0',
  u16: '0',
  u32: '0',
  u64: '0',
  i32: '0',
  bool: 'false',
  text: "''",
  cutText: "''",
  bytes: 'new Uint8Array()',
  u32s: '[]',
  texts: '[]',
};

export function decoder(name: string, layout: MessageLayout): string[] {
  const { fixed, optional, list } = descriptorCounts(layout);
  const lines = [`function decode${capital(name)}(reader: WireReader): ${capital(name)}Message {`];
  if (optional.length > 0) lines.push(`  const mask = reader.mask(${optional.length});`);
  if (list !== null) {
    const old = list.since === null ? '' : `reader.version < ${list.since} ? 0 : `;
    lines.push(`  const listed = ${old}reader.listed('${list.name}', ${list.max});`);
  }
  const mask = optional.length > 0 ? 'mask' : '0';
  lines.push(`  reader.expectDescriptors(${fixed}, ${mask}, ${list === null ? '0' : 'listed'});`);
  if (isEmpty(layout)) return [...lines, '  return {};', '}', ''];
  let bit = 0;
  const members = layout.fields.map(([field, type, , since]) => {
    const old = since === undefined ? '' : `reader.version < ${since} ? ${empty[type.type]} : `;
    return `    ${field}: ${old}${take(field, type)},`;
  });
  for (const [descriptor, kind] of layout.descriptors) {
    if (kind.kind === 'one') members.push(`    ${descriptor}: reader.descriptor(),`);
    if (kind.kind === 'optional') members.push(`    ${descriptor}: reader.optionalDescriptor(mask, ${1 << bit++}),`);
    if (kind.kind === 'list') members.push(`    ${descriptor}: reader.descriptors(listed),`);
  }
  return [...lines, '  return {', ...members, '  };', '}', ''];
}
