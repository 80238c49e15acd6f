import type { FieldType, MessageLayout } from '../../packages/zygote-ipc/src/wire/messages.ts';
import { descriptorCounts, headerBytes } from './table.ts';
import { capital, fitting, isEmpty } from './ts-lines.ts';

const sizes: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, u64: 8, i32: 4, bool: 1 };

function sizeOf(name: string, field: string, type: FieldType): string {
  if (!('max' in type)) return String(sizes[type.type]);
  const source = type.type === 'cutText' ? field : `message.${field}`;
  const size = type.type === 'cutText' ? 'text' : type.type;
  return `${size}Size('${name}', '${field}', ${source}, ${type.max})`;
}

function put(name: string, field: string, type: FieldType): string {
  const from = `message.${field}`;
  switch (type.type) {
    case 'cutText':
      return `putText(data, at, ${field})`;
    case 'bool':
    case 'text':
    case 'bytes':
    case 'texts':
      return `put${capital(type.type)}(data, at, ${from})`;
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u64':
    case 'i32':
    case 'u32s':
    default:
      return `put${capital(type.type)}(data, at, '${name}', '${field}', ${from})`;
  }
}

export function encoder(name: string, layout: MessageLayout): string[] {
  const { optional, list } = descriptorCounts(layout);
  const parameters = [
    'request: number',
    `${isEmpty(layout) ? '_' : ''}message: ${capital(name)}Message`,
    'version: number',
  ];
  const lines = [
    ...fitting(
      [`function encode${capital(name)}(${parameters.join(', ')}): EncodedMessage {`],
      [`function encode${capital(name)}(`, ...parameters.map((one) => `  ${one},`), '): EncodedMessage {'],
    ),
  ];
  for (const [descriptor, kind, , since] of layout.descriptors) {
    const from = `message.${descriptor}`;
    if (kind.kind === 'one') lines.push(`  checkDescriptor('${name}', '${descriptor}', ${from});`);
    if (kind.kind === 'optional')
      lines.push(`  if (${from} !== null) checkDescriptor('${name}', '${descriptor}', ${from});`);
    if (kind.kind === 'list') lines.push(`  checkDescriptors('${name}', '${descriptor}', ${from}, ${kind.max});`);
    if (since !== undefined)
      lines.push(`  checkLaterDescriptors('${name}', '${descriptor}', ${from}, version, ${since});`);
  }
  for (const [field, type] of layout.fields) {
    if (type.type === 'cutText') lines.push(`  const ${field} = cutText(message.${field}, ${type.max});`);
  }
  lines.push(
    ...sizeLines(name, layout),
    `  const data = beginMessage('${name}', ${layout.tag}, version, request, size);`,
  );
  const puts: string[] = [];
  if (optional.length > 0) {
    const bits = optional.map((one, bit) => `(message.${one} === null ? 0 : ${1 << bit})`);
    const mask = optional.length === 1 ? bits.join('').slice(1, -1) : bits.join(' | ');
    lines.push(...fitting([`  const mask = ${mask};`], ['  const mask =', `    ${bits.join(' |\n    ')};`]));
    puts.push(`putU8(data, at, '${name}', 'optional descriptors', mask)`);
  }
  const late = new Map<number, number>();
  if (list !== null) {
    if (list.since !== null) late.set(puts.length, list.since);
    puts.push(`putU8(data, at, '${name}', '${list.name}', message.${list.name}.length)`);
  }
  for (const [field, type, , since] of layout.fields) {
    if (since !== undefined) late.set(puts.length, since);
    puts.push(put(name, field, type));
  }
  if (puts.length > 0) lines.push(`  let at = ${headerBytes};`);
  for (const [index, call] of puts.entries()) {
    const condition = late.has(index) ? `if (version >= ${late.get(index)}) ` : '';
    lines.push(`  ${condition}${index === puts.length - 1 ? '' : 'at = '}${call};`);
  }
  if (puts.length === 1) lines.splice(lines.length - 2, 1, `  const at = ${headerBytes};`);
  lines.push(...fdLines(layout), '}', '');
  return lines;
}

function sizeLines(name: string, layout: MessageLayout): string[] {
  const { optional, list } = descriptorCounts(layout);
  const later = list !== null && list.since !== null;
  let fixed = headerBytes + (optional.length > 0 ? 1 : 0) + (list === null || later ? 0 : 1);
  const variable: string[] = later ? [`(version < ${list.since} ? 0 : 1)`] : [];
  for (const [field, type, , since] of layout.fields) {
    if (since !== undefined) variable.push(`(version < ${since} ? 0 : ${sizeOf(name, field, type)})`);
    else if ('max' in type) variable.push(sizeOf(name, field, type));
    else fixed += sizes[type.type] ?? 0;
  }
  const terms = [String(fixed), ...variable];
  return [
    ...fitting(
      [`  const size = ${terms.join(' + ')};`],
      ['  const size =', `    ${terms.join(' + ')};`],
      ['  const size =', `    ${terms.join(' +\n    ')};`],
    ),
  ];
}

function fdLines(layout: MessageLayout): string[] {
  if (layout.descriptors.every(([, kind]) => kind.kind !== 'optional')) {
    const entries = layout.descriptors.map(([name, kind]) => `${kind.kind === 'list' ? '...' : ''}message.${name}`);
    return [`  return { data, fds: [${entries.join(', ')}] };`];
  }
  const lines = ['  const fds: number[] = [];'];
  for (const [name, kind] of layout.descriptors) {
    if (kind.kind === 'one') lines.push(`  fds.push(message.${name});`);
    if (kind.kind === 'optional') lines.push(`  if (message.${name} !== null) fds.push(message.${name});`);
    if (kind.kind === 'list') lines.push(`  fds.push(...message.${name});`);
  }
  return [...lines, '  return { data, fds };'];
}
