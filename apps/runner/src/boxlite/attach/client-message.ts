import { compileValidator } from '../../serve/validator.ts';
import { BoxError } from '../box-error.ts';

/** What a client says beside its bytes of standard input. */
export type ClientMessage =
  | { readonly type: 'resize'; readonly cols: number; readonly rows: number }
  | { readonly type: 'signal'; readonly sig: number }
  | { readonly type: 'stdin_eof' };

const maxBytes = 4096;
const side = { type: 'integer', minimum: 1, maximum: 65_535 };

function shape(type: ClientMessage['type'], properties: object): (value: unknown) => string | null {
  return compileValidator({
    type: 'object',
    required: ['type', ...Object.keys(properties)],
    properties: { type: { const: type }, ...properties },
  });
}

const checks = {
  resize: shape('resize', { cols: side, rows: side }),
  signal: shape('signal', { sig: { type: 'integer' } }),
  stdin_eof: shape('stdin_eof', {}),
};

/** Throws invalid_argument. */
export function readClientMessage(bytes: Buffer): ClientMessage {
  const message = parse(bytes);
  const { type } = message;
  if (typeof type !== 'string' || !Object.hasOwn(checks, type))
    throw new BoxError('invalid_argument', 'a text frame must be of type resize, signal or stdin_eof');
  const trouble = checks[type as ClientMessage['type']](message);
  if (trouble !== null) throw new BoxError('invalid_argument', `a text frame of type ${type}: ${trouble}`);
  return message as unknown as ClientMessage;
}

function parse(bytes: Buffer): { type?: unknown } {
  if (bytes.length > maxBytes) throw new BoxError('invalid_argument', `a text frame has at most ${maxBytes} bytes`);
  try {
    const message: unknown = JSON.parse(bytes.toString());
    if (typeof message === 'object' && message !== null) return message;
  } catch {
    // As if it were no object.
  }
  throw new BoxError('invalid_argument', 'a text frame must be a JSON object');
}
