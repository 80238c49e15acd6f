import { release } from 'node:os';
import type { DoctorFinding } from './finding.ts';
import { missing, working } from './make-finding.ts';

/** What can be told without trying: these versions are what the packages are built for. */
export function checkPlatform(): DoctorFinding[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const node = major > 24 || (major === 24 && minor >= 11);
  const machine = process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64');
  const system = `${process.platform} ${release()} on ${process.arch}`;
  return [
    node ? working('node', process.version) : missing('node', process.version),
    machine ? working('architecture', system) : missing('architecture', system),
  ];
}
