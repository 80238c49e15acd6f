import { invalid } from './archive-fault.ts';

export interface PaxRecord {
  /** Text of ASCII, but for the name of an attribute: one character a byte. */
  readonly key: string;
  readonly value: Buffer;
}

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
const LENGTH = /^[1-9]\d{0,8}$/;

/** "LENGTH KEY=VALUE\n" one after another, where LENGTH counts the whole record. Values are bytes. */
export function* readPaxRecords(bytes: Buffer): Generator<PaxRecord> {
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.subarray(at, at + 10).indexOf(SPACE);
    const digits = bytes.toString('latin1', at, at + Math.max(space, 0));
    const end = at + Number(digits);
    if (!LENGTH.test(digits) || end > bytes.length || bytes[end - 1] !== NEWLINE)
      throw invalid(`its PAX header has no record at byte ${at}`);
    const record = bytes.subarray(at + space + 1, end - 1);
    const equals = record.indexOf(EQUALS);
    if (equals < 1) throw invalid(`its PAX header has a record without a key at byte ${at}`);
    yield { key: record.toString('latin1', 0, equals), value: Buffer.from(record.subarray(equals + 1)) };
    at = end;
  }
}

export function writePaxRecord({ key, value }: PaxRecord): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), value, Buffer.from('\n')]);
  // The length counts its own digits, of which there may be one more for that.
  let length = rest.length + String(rest.length).length;
  length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

const ATTRIBUTE = 'SCHILY.xattr.';

/** The attribute's name in the key; null when it is another record. GNU tar writes '%' and '=' of a name escaped. */
export function attributeName(key: string): Buffer | null {
  if (!key.startsWith(ATTRIBUTE)) return null;
  const name = key.slice(ATTRIBUTE.length).replaceAll('%3D', '=').replaceAll('%25', '%');
  return Buffer.from(name, 'latin1');
}

export function attributeKey(name: Buffer): string {
  return ATTRIBUTE + name.toString('latin1').replaceAll('%', '%25').replaceAll('=', '%3D');
}
