import { Code, ConnectError } from '@connectrpc/connect';
import type { TerminalSize } from '@hatchery/runtime';
import type { PTY } from '../protocol/process.generated.ts';

const most = 65_535;

/** Of a pty as a client asks for it; one that names none is 80 by 24. Throws ConnectError. */
export function terminalSizeOf({ size }: PTY): TerminalSize {
  if (size === undefined) return { columns: 80, rows: 24 };
  const { cols: columns, rows } = size;
  if ([columns, rows].every((count) => count >= 1 && count <= most)) return { columns, rows };
  throw new ConnectError(`pty.size is ${columns} by ${rows}; each must be 1 to ${most}`, Code.InvalidArgument);
}
