import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { hostedIn, userIn } from '../connect/hosted-in.ts';
import { keepaliveMs, withKeepalive } from '../connect/keepalive.ts';
import { answerPiecewise } from '../connect/piecewise.ts';
import type { EnvdContext } from '../envd-context.ts';
import {
  type CreateWatcherRequest,
  Filesystem,
  type FilesystemEvent,
  type WatchDirRequest,
  type WatchDirResponseSchema,
} from '../protocol/filesystem.generated.ts';
import type { BufferedWatch } from './buffered-watch.ts';
import { type Caller, makeDir, move, remove, stat, watchable } from './directory-calls.ts';
import { filesystemEvents } from './filesystem-events.ts';
import { listDir } from './list-dir.ts';
import { toConnectError } from './to-connect-error.ts';
import { WatchPlaces } from './watch-places.ts';
import { Watchers } from './watchers.ts';

type WatchMessage = MessageInitShape<typeof WatchDirResponseSchema>;

/** filesystem.Filesystem: files by their names, and what happens to them. Content goes over plain HTTP (`../files/`). */
export function filesystemRoutes(router: ConnectRouter, { closing }: EnvdContext): void {
  const places = new WatchPlaces();
  const watchers = new Watchers(places);
  router.service(Filesystem, {
    stat: (request, context) => calling(context, async (caller) => ({ entry: await stat(caller, request.path) })),
    makeDir: (request, context) => calling(context, async (caller) => ({ entry: await makeDir(caller, request.path) })),
    move: ({ source, destination }, context) =>
      calling(context, async (caller) => ({ entry: await move(caller, source, destination) })),
    listDir: ({ path, depth }, context) =>
      calling(context, async (caller) => {
        answerPiecewise(context, await listDir(caller, path, depth));
        return {};
      }),
    remove: ({ path }, context) =>
      calling(context, async (caller) => {
        await remove(caller, path);
        return {};
      }),
    async *watchDir(request, context) {
      const leave = places.take(hostedIn(context).sandbox);
      try {
        const events = await calling(context, (caller) => beginWatch(caller, request, () => request.includeEntry));
        yield { event: { case: 'start', value: {} } };
        const everyMs = keepaliveMs(context.requestHeader.get('keepalive-ping-interval'));
        yield* withKeepalive(messagesOf(events, context), everyMs, keepalive);
      } finally {
        leave();
      }
    },
    createWatcher: (request, context) =>
      calling(context, async (caller) => {
        const begin = (watch: BufferedWatch): Promise<AsyncIterable<FilesystemEvent>> => {
          const signal = AbortSignal.any([watch.signal, closing]);
          return beginWatch({ ...caller, signal }, request, () => request.includeEntry && !watch.isLosing);
        };
        return { watcherId: await watchers.add(caller.hosted.sandbox, begin) };
      }),
    getWatcherEvents: ({ watcherId }, context) =>
      calling(context, async ({ hosted }) => ({ events: watchers.take(hosted.sandbox, watcherId) })),
    removeWatcher: ({ watcherId }, context) =>
      calling(context, async ({ hosted }) => {
        watchers.remove(hosted.sandbox, watcherId);
        return {};
      }),
  });
}

function keepalive(): WatchMessage {
  return { event: { case: 'keepalive', value: {} } };
}

/** Every call is of a user in a sandbox, and what fails is told as clients know it. */
async function calling<T>(context: HandlerContext, act: (caller: Caller) => Promise<T>): Promise<T> {
  const user = userIn(context);
  try {
    return await act({ hosted: hostedIn(context), user, signal: context.signal });
  } catch (error) {
    throw reasonOf(error, context, user);
  }
}

/** Resolves once nothing can be missed any more. */
async function beginWatch(
  caller: Caller,
  request: WatchDirRequest | CreateWatcherRequest,
  includeEntry: () => boolean,
): Promise<AsyncIterable<FilesystemEvent>> {
  const { recursive } = request;
  const path = await watchable(caller, request.path, request.allowNetworkMounts);
  const watch = caller.hosted.sandbox.files.watch(path, { recursive, signal: caller.signal });
  await watch.ready;
  return filesystemEvents(caller, watch, { path, recursive, includeEntry });
}

async function* messagesOf(
  events: AsyncIterable<FilesystemEvent>,
  context: HandlerContext,
): AsyncGenerator<WatchMessage> {
  try {
    for await (const value of events) yield { event: { case: 'filesystem', value } };
  } catch (error) {
    throw reasonOf(error, context, userIn(context));
  }
}

/** Given up because the client's time is up, or the server ends: that is why. */
function reasonOf(error: unknown, { signal }: HandlerContext, user: string): unknown {
  if (!signal.aborted) return toConnectError(error, user);
  return signal.reason instanceof ConnectError ? signal.reason : new ConnectError('given up', Code.Canceled);
}
