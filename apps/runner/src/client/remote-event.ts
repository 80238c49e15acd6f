import type { ExitStatus } from '@hatchery/runtime';
import type { ServerFrame } from '../wire/frame.ts';
import { decodePayload, type Frame, FrameError } from '../wire/frame-reader.ts';
import type { GapView } from '../wire/views.ts';

/** What comes of an execution, in order; the exit last. */
export type RemoteEvent =
  | { type: 'data'; stream: 'stdout' | 'stderr'; data: Buffer }
  | ({ type: 'gap' } & GapView)
  | { type: 'exit'; status: ExitStatus };

/** Throws FrameError for a frame that tells nothing of an execution's output. */
export function eventOf(frame: Frame<ServerFrame>): RemoteEvent {
  const { name, payload } = frame;
  if (name === 'stdout' || name === 'stderr') return { type: 'data', stream: name, data: payload };
  if (name === 'gap') return { type: 'gap', ...(decodePayload(frame) as GapView) };
  if (name === 'exit') return { type: 'exit', status: decodePayload(frame) as ExitStatus };
  throw new FrameError(`a frame "${name}" came in the middle of output`);
}
