import type { FieldType, MessageLayout } from '../../packages/zygote-ipc/src/wire/messages.ts';
import { constantName, memberName } from './c-names.ts';
import { descriptorCounts, headerBytes, table } from './table.ts';

function takeField(name: string, field: FieldType): string {
  const to = `out->${memberName(name)}`;
  const first = `r, "${name}"`;
  switch (field.type) {
    case 'text':
    case 'cutText':
      return `wire_take_text(${first}, ${field.max}, &${to})`;
    case 'bytes':
      return `wire_take_bytes(${first}, ${field.max}, &${to})`;
    case 'u32s':
      return `wire_take_u32s(${first}, ${field.max}, &${to}_count, ${to})`;
    case 'texts':
      return `wire_take_texts(${first}, ${field.max}, WIRE_MAX_LISTED_TEXT_BYTES, &${to}_count, ${to})`;
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u64':
    case 'i32':
    case 'bool':
    default:
      return `wire_take_${field.type}(${first}, &${to})`;
  }
}

function putField(name: string, field: FieldType): string {
  const from = `message->${memberName(name)}`;
  switch (field.type) {
    case 'text':
      return `wire_put_text(&w, ${field.max}, ${from});`;
    case 'cutText':
      return `wire_put_cut_text(&w, ${field.max}, ${from});`;
    case 'bytes':
      return `wire_put_bytes(&w, ${field.max}, ${from});`;
    case 'u32s':
      return `wire_put_u32s(&w, ${field.max}, ${from}_count, ${from});`;
    case 'texts':
      return `wire_put_texts(&w, ${field.max}, WIRE_MAX_LISTED_TEXT_BYTES, ${from}_count, ${from});`;
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u64':
    case 'i32':
    case 'bool':
    default:
      return `wire_put_${field.type}(&w, ${from});`;
  }
}

function decoder(name: string, layout: MessageLayout): string[] {
  const { fixed, optional, list } = descriptorCounts(layout);
  const lines = [
    `static void decode_${memberName(name)}(struct wire_reader *r, const int *fds, size_t fd_count, struct wire_${memberName(name)} *out) {`,
  ];
  if (layout.descriptors.length === 0) lines.push('  (void)fds;');
  if (layout.fields.length === 0 && layout.descriptors.length === 0) lines.push('  (void)out;');
  if (optional.length > 0) lines.push(`  uint8_t mask = take_mask(r, ${optional.length});`);
  if (list !== null) lines.push(`  uint8_t listed = take_listed(r, "${list.name}", ${list.max});`);
  const expected = [String(fixed)];
  if (optional.length > 0) expected.push('(size_t)__builtin_popcount(mask)');
  if (list !== null) expected.push('listed');
  lines.push(`  if (!expect_descriptors(r, fd_count, ${expected.join(' + ')}))`, '    return;');
  lines.push(...takeDescriptors(layout));
  for (const [field, type] of layout.fields) lines.push(`  ${takeField(field, type)};`);
  lines.push('}', '');
  return lines;
}

function takeDescriptors(layout: MessageLayout): string[] {
  let bit = 0;
  return layout.descriptors.flatMap(([name, kind]) => {
    const member = `out->${memberName(name)}`;
    if (kind.kind === 'one') return [`  ${member} = *fds++;`];
    if (kind.kind === 'optional') return [`  ${member} = mask & ${1 << bit++} ? *fds++ : -1;`];
    return [`  ${member}_count = listed;`, '  for (uint32_t i = 0; i < listed; i++)', `    ${member}[i] = *fds++;`];
  });
}

function encoder(name: string, layout: MessageLayout): string[] {
  const member = memberName(name);
  const { optional, list } = descriptorCounts(layout);
  const lines = [
    `ptrdiff_t wire_encode_${member}(uint8_t *buffer, size_t capacity, const struct wire_${member} *message) {`,
    `  struct wire_writer w = wire_begin(buffer, capacity, WIRE_MAX_MESSAGE_BYTES, ${constantName(name)}, WIRE_VERSION, message->request);`,
  ];
  if (optional.length > 0) {
    const bits = optional.map((one, bit) => `(message->${memberName(one)} >= 0 ? ${1 << bit} : 0)`);
    lines.push(`  wire_put_u8(&w, ${bits.join(' | ')});`);
  }
  if (list !== null) lines.push(`  wire_put_u8(&w, (uint8_t)message->${memberName(list.name)}_count);`);
  for (const [descriptor, kind] of layout.descriptors) {
    const from = `message->${memberName(descriptor)}`;
    if (kind.kind === 'one') lines.push(`  wire_need_descriptor(&w, ${from});`);
    if (kind.kind === 'list') lines.push(`  wire_need_descriptors(&w, ${kind.max}, ${from}_count, ${from});`);
  }
  for (const [field, type] of layout.fields) lines.push(`  ${putField(field, type)}`);
  lines.push('  return wire_finish(&w);', '}', '');
  return lines;
}

function lister(name: string, layout: MessageLayout): string[] {
  const member = memberName(name);
  const lines = [
    `size_t wire_fds_${member}(const struct wire_${member} *message, int fds[WIRE_MAX_DESCRIPTORS]) {`,
    '  size_t count = 0;',
  ];
  if (layout.descriptors.length === 0) lines.push('  (void)message;', '  (void)fds;');
  for (const [descriptor, kind] of layout.descriptors) {
    const from = `message->${memberName(descriptor)}`;
    if (kind.kind === 'one') lines.push(`  fds[count++] = ${from};`);
    if (kind.kind === 'optional') lines.push(`  if (${from} >= 0)`, `    fds[count++] = ${from};`);
    if (kind.kind === 'list') {
      lines.push(`  for (uint32_t i = 0; i < ${from}_count && i < ${kind.max}; i++)`, `    fds[count++] = ${from}[i];`);
    }
  }
  lines.push('  return count;', '}', '');
  return lines;
}

const helpers = `/* Bits that stand for no descriptor are refused: they would be a later version's. */
static uint8_t take_mask(struct wire_reader *r, unsigned bits) {
  uint8_t mask = 0;
  if (wire_take_u8(r, "optional descriptors", &mask) && mask >> bits != 0)
    wire_fail(r, WIRE_ERROR_VALUE, "descriptor mask % where % are optional", "", (uint64_t[]){mask, bits});
  return r->failed ? 0 : mask;
}

static uint8_t take_listed(struct wire_reader *r, const char *name, unsigned max) {
  uint8_t count = 0;
  if (wire_take_u8(r, name, &count) && count > max)
    wire_fail(r, WIRE_ERROR_LIMIT, "descriptors $: % in the list, limit %", name, (uint64_t[]){count, max});
  return r->failed ? 0 : count;
}

static bool expect_descriptors(struct wire_reader *r, size_t count, size_t expected) {
  if (!r->failed && count != expected)
    wire_fail(r, WIRE_ERROR_DESCRIPTORS, "% descriptors, expected %", "", (uint64_t[]){count, expected});
  return !r->failed;
}
`;

function mask(list: readonly string[]): string {
  return list.map((party) => `WIRE_PARTY_${party.toUpperCase()}`).join(' | ');
}

function cases(line: (name: string, layout: MessageLayout) => string): string[] {
  return table.flatMap(([name, layout]) => [`  case ${constantName(name)}:`, `    ${line(name, layout)}`]);
}

function perTag(signature: string, fallback: string, line: (name: string) => string): string[] {
  return [`${signature} {`, '  switch (message->tag) {', ...cases(line), '  }', `  return ${fallback};`, '}', ''];
}

const decode = `/* Parties as bits, 0 for any. */
static int decode(unsigned me, unsigned peer, const uint8_t *data, size_t length, const int *fds, size_t fd_count,
                  struct wire_message *out, struct wire_error *error) {
  struct wire_reader reader = {.data = data, .length = length, .error = error};
  struct wire_reader *r = &reader;
  memset(out, 0, sizeof *out);
  memset(error, 0, sizeof *error);

  uint16_t tag = 0;
  uint16_t version = 0;
  uint32_t stated = 0;
  uint32_t request = 0;
  if (length > WIRE_MAX_MESSAGE_BYTES)
    wire_fail(r, WIRE_ERROR_TOO_LARGE, "message of % bytes, limit %", "", (uint64_t[]){length, WIRE_MAX_MESSAGE_BYTES});
  else if (length < ${headerBytes})
    wire_fail(r, WIRE_ERROR_TRUNCATED, "% bytes, the header alone has %", "", (uint64_t[]){length, ${headerBytes}});
  wire_take_u16(r, "tag", &tag);
  wire_take_u16(r, "version", &version);
  wire_take_u32(r, "length", &stated);
  wire_take_u32(r, "request", &request);
  if (version != WIRE_VERSION)
    wire_fail(r, WIRE_ERROR_VERSION, "wire version %, mine is %", "", (uint64_t[]){version, WIRE_VERSION});
  if (wire_name(tag) == NULL)
    wire_fail(r, WIRE_ERROR_TAG, "unknown tag %", "", (uint64_t[]){tag});
  if (stated != length)
    wire_fail(r, WIRE_ERROR_LENGTH, "length field % but % bytes came", "", (uint64_t[]){stated, length});
  if (!travels(tag, me, peer))
    wire_fail(r, WIRE_ERROR_DIRECTION, "message $ from a peer that does not send it here", wire_name(tag), NULL);
  if (reader.failed)
    return -1;

  out->tag = (enum wire_tag)tag;
  out->request = request;
  take_message(r, fds, fd_count, out);
  if (!reader.failed && reader.at != length)
    wire_fail(r, WIRE_ERROR_TRAILING, "message $: % bytes after the last field", wire_name(tag), (uint64_t[]){length - reader.at});
  return reader.failed ? -1 : 0;
}

int wire_decode(const uint8_t *data, size_t length, const int *fds, size_t fd_count, struct wire_message *out,
                struct wire_error *error) {
  return decode(0, 0, data, length, fds, fd_count, out, error);
}

int wire_decode_at(enum wire_party me, enum wire_party peer, const uint8_t *data, size_t length, const int *fds,
                   size_t fd_count, struct wire_message *out, struct wire_error *error) {
  return decode(me, peer, data, length, fds, fd_count, out, error);
}
`;

export function cSource(): string {
  return `${[
    '/* Generated by tools/generate-wire.ts from src/wire/messages.ts; change the table, not this file. */',
    '#include "codec.generated.h"',
    '',
    '#include "reader.h"',
    '#include "writer.h"',
    '',
    helpers,
    ...table.flatMap(([name, layout]) => decoder(name, layout)),
    'static void take_message(struct wire_reader *r, const int *fds, size_t fd_count, struct wire_message *out) {',
    '  switch (out->tag) {',
    ...table.flatMap(([name]) => [
      `  case ${constantName(name)}:`,
      `    decode_${memberName(name)}(r, fds, fd_count, &out->${memberName(name)});`,
      '    return;',
    ]),
    '  }',
    '}',
    '',
    'static bool travels(uint32_t tag, unsigned me, unsigned peer) {',
    '  unsigned from = 0;',
    '  unsigned to = 0;',
    '  switch (tag) {',
    ...table.flatMap(([name, layout]) => [
      `  case ${constantName(name)}:`,
      `    from = ${mask(layout.from)};`,
      `    to = ${mask(layout.to)};`,
      '    break;',
    ]),
    '  }',
    '  return (me == 0 || (to & me) != 0) && (peer == 0 || (from & peer) != 0);',
    '}',
    '',
    'const char *wire_name(uint32_t tag) {',
    '  switch (tag) {',
    ...cases((name) => `return "${name}";`),
    '  }',
    '  return NULL;',
    '}',
    '',
    decode,
    ...table.flatMap(([name, layout]) => [...encoder(name, layout), ...lister(name, layout)]),
    ...perTag(
      'ptrdiff_t wire_encode(uint8_t *buffer, size_t capacity, const struct wire_message *message)',
      '-1',
      (name) => `return wire_encode_${memberName(name)}(buffer, capacity, &message->${memberName(name)});`,
    ),
    ...perTag(
      'size_t wire_fds(const struct wire_message *message, int fds[WIRE_MAX_DESCRIPTORS])',
      '0',
      (name) => `return wire_fds_${memberName(name)}(&message->${memberName(name)}, fds);`,
    ),
  ]
    .join('\n')
    .trimEnd()}\n`;
}
