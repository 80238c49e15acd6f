import type { RuntimeContext } from '../context.ts';
import type { SandboxSubscriber } from '../sandbox-map/sandbox-subscriber.ts';

/**
 * The runtime's own subscriber: takes the chroot handles of a lifecycle away when its end begins, before anybody is
 * killed, and leaves the closing to a worker. A slot is released and a destroy resolves whether or not that ever ends: only the
 * lifecycle's entry in the map waits for it, and a stop of a root on disk, which a handle keeps mounted.
 */
export function fileSubscriber(context: RuntimeContext): SandboxSubscriber {
  const { fileHandles, sandboxes } = context;
  return {
    name: 'files of sandboxes',
    onRemove: ({ id, lifecycleId }) => {
      sandboxes.lifecycle(id, lifecycleId)?.cleanUp(fileHandles.collect(lifecycleId));
      // The close of a runtime gives them a while: its caller may look for what it left.
      context.inBackground(fileHandles.requireClosed(lifecycleId, `the end of lifecycle ${lifecycleId}`));
    },
  };
}
