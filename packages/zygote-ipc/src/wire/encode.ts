import { encoders, type MessageName, type WireMessages } from './codec.generated.ts';
import type { EncodedMessage } from './encoded-message.ts';

/**
 * The datagram of one message. `request` is a number of the sender's that the reply repeats, 0 for a message that nobody
 * asked for. Throws WireError before anything is written when a limit of the table would be broken; `cutText` fields are
 * cut instead.
 */
export function encode<Name extends MessageName>(
  name: Name,
  request: number,
  message: WireMessages[Name],
): EncodedMessage {
  return encoders[name](request, message);
}
