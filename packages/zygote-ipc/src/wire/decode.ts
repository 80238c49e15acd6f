import {
  decoders,
  laterMessages,
  nameOfTag,
  namesOfRoute,
  type WireMessages,
  type WireRoutes,
} from './codec.generated.ts';
import { wireVersion } from './messages.ts';
import { WireReader } from './reader.ts';

export type WireRoute = keyof WireRoutes;

/** What travels on a route; `name` tells which `message` it is. */
export type DecodedMessage<Route extends WireRoute> = {
  [Name in WireRoutes[Route]]: {
    readonly name: Name;
    readonly request: number;
    readonly message: WireMessages[Name];
  };
}[WireRoutes[Route]];

/**
 * Reads one datagram. Throws WireError for anything but exactly one message that travels on `route`, with exactly its
 * descriptors. `fds` are the caller's before and after, so close them when it throws.
 */
export function decode<Route extends WireRoute>(
  route: Route,
  data: Buffer,
  fds: readonly number[],
  version: number = wireVersion,
): DecodedMessage<Route> {
  const reader: WireReader = new WireReader(data, fds, version);
  const name = nameOfTag.get(reader.tag);
  if (name === undefined || (laterMessages.get(name) ?? 0) > version)
    reader.fail('ERR_WIRE_TAG', `unknown tag ${reader.tag}`);
  reader.message = name;
  reader.checkLength();
  if (!namesOfRoute[route].has(name)) reader.fail('ERR_WIRE_DIRECTION', `does not travel ${route}`);
  const message = decoders[name](reader);
  reader.end();
  // A name found in a map and the result of its own decoder belong together, which the compiler cannot see.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { name, request: reader.request, message } as DecodedMessage<Route>;
}
