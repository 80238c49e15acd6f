/** The machines that hatchery is built for, as Node names them in `process.arch`. */
export type Machine = 'x64' | 'arm64';

/** What a binary has to be made for. */
export interface Target {
  /** ELF is Linux's, Mach-O is macOS's. */
  readonly system: 'linux' | 'darwin';
  /** As Node names it in `process.arch`. */
  readonly machine: Machine;
}

/** What the first bytes of a binary say about it. */
export interface ExecutableHeader {
  readonly system: Target['system'];
  /** A `Machine`, or the number of another one as text: `machine 243`. */
  readonly machine: string;
}

const elfMachines: Readonly<Record<number, Machine>> = { 62: 'x64', 183: 'arm64' };
const machOMachines: Readonly<Record<number, Machine>> = { 0x0100_0007: 'x64', 0x0100_000c: 'arm64' };

/** As many bytes as `readExecutableHeader` looks at. */
export const headerBytes = 20;

/** Reads the header of a 64-bit little-endian ELF or Mach-O file; null for anything else, universal binaries too. */
export function readExecutableHeader(bytes: Uint8Array): ExecutableHeader | null {
  if (bytes.length < headerBytes) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const magic = view.getUint32(0, false);
  if (magic === 0x7f45_4c46) {
    const isWideAndLittle = view.getUint8(4) === 2 && view.getUint8(5) === 1;
    const machine = view.getUint16(18, true);
    return isWideAndLittle ? { system: 'linux', machine: elfMachines[machine] ?? `machine ${machine}` } : null;
  }
  if (magic === 0xcffa_edfe) {
    const machine = view.getUint32(4, true);
    return { system: 'darwin', machine: machOMachines[machine] ?? `machine ${machine}` };
  }
  return null;
}

export function isMachine(name: string): name is Machine {
  return name === 'x64' || name === 'arm64';
}

export function isForTarget(header: ExecutableHeader | null, target: Target): boolean {
  return header !== null && header.system === target.system && header.machine === target.machine;
}

/** `linux arm64`, or that it is no executable at all. */
export function describeHeader(header: ExecutableHeader | Target | null): string {
  return header === null ? 'no 64-bit ELF or Mach-O executable' : `${header.system} ${header.machine}`;
}
