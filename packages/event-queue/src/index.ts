export type { DrainOptions, DrainWaitOptions, PushOptions } from './call-options.ts';
export { Claim } from './claim.ts';
export { createSharedChannel, type SharedChannel, type SharedChannelOptions } from './create-shared-channel.ts';
export { EventQueue, type EventQueueOptions } from './event-queue.ts';
export { Owned } from './owned.ts';
export { QueueClosedError, QueueError, type QueueErrorCode } from './queue-error.ts';
export type { SharedReceiver } from './shared-receiver.ts';
export { attachSharedSender, type SharedSender, type SharedSenderData } from './shared-sender.ts';
