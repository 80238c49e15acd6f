export { InitConnection, type InitConnectionOptions, type InitRequestOptions } from './init-connection.ts';
export { ChannelClosedError, RequestTimeoutError, ShimError } from './shim-error.ts';
export { readShim, shimPath } from './shim-file.ts';
export { decodeWaitStatus } from './wait-status.ts';
export type {
  ExecedMessage,
  ExecMessage,
  ExecutionMessage,
  ExitMessage,
  MadeMessage,
  MakeMessage,
  ParkedMessage,
  StartMessage,
} from './wire/codec.generated.ts';
export { WireError, type WireErrorCode } from './wire/wire-error.ts';
export { startZygote, Zygote, type ZygoteCgroups, type ZygoteOptions } from './zygote.ts';
