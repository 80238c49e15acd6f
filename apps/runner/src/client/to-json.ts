import { CliError } from '../cli-error.ts';
import { maxStartBytes } from '../wire/frame.ts';

/** A request's JSON. Throws for one that the server would refuse before it has read it, and then break the connection. */
export function toJson(value: object): string {
  const json = JSON.stringify(value);
  const bytes = Buffer.byteLength(json);
  if (bytes <= maxStartBytes) return json;
  throw new CliError(
    'ERR_REQUEST_INVALID',
    `the request is ${bytes} bytes, at most ${maxStartBytes} are taken; pass the data by stdin or a file`,
  );
}
