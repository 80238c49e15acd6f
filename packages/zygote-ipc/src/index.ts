export {
  InitConnection,
  type InitConnectionOptions,
  type InitRequestOptions,
  maxWrites,
  type ResumedInit,
} from './init-connection.ts';
export type { RequestOptions } from './request-channel.ts';
export { ChannelClosedError, RequestTimeoutError, ShimError } from './shim-error.ts';
export { readShim, shimPath } from './shim-file.ts';
export { decodeWaitStatus } from './wait-status.ts';
export type {
  ExecedMessage,
  ExecMessage,
  ExecutionMessage,
  ExitMessage,
  HelloMessage,
  MadeMessage,
  MakeMessage,
  ParkedMessage,
  StartMessage,
  WriteMessage,
  WrittenMessage,
} from './wire/codec.generated.ts';
export { oldestInitVersion, wireVersion } from './wire/messages.ts';
export { WireError, type WireErrorCode } from './wire/wire-error.ts';
export { startZygote, Zygote, type ZygoteCgroups, type ZygoteOptions } from './zygote.ts';
