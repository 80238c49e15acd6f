import { encoders, laterMessages, type MessageName, type WireMessages } from './codec.generated.ts';
import type { EncodedMessage } from './encoded-message.ts';
import { wireVersion } from './messages.ts';
import { WireError } from './wire-error.ts';

/**
 * The datagram of one message. `request` is a number of the sender's that the reply repeats, 0 for a message that nobody
 * asked for. Throws WireError before anything is written when a limit of the table would be broken (`cutText` fields are
 * cut instead), or when the receiver's version has no such message.
 */
export function encode<Name extends MessageName>(
  name: Name,
  request: number,
  message: WireMessages[Name],
  version: number = wireVersion,
): EncodedMessage {
  const since = laterMessages.get(name) ?? 0;
  if (since > version)
    throw new WireError(
      'ERR_WIRE_VERSION',
      'encode',
      name,
      `wire version ${version} has no such message, ${since} has`,
    );
  return encoders[name](request, message, version);
}
