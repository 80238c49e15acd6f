/** Every way in which a message can be wrong; native/wire/wire.h has the same list. */
export type WireErrorCode =
  | 'ERR_WIRE_TRUNCATED'
  | 'ERR_WIRE_TOO_LARGE'
  | 'ERR_WIRE_VERSION'
  | 'ERR_WIRE_TAG'
  | 'ERR_WIRE_LENGTH'
  | 'ERR_WIRE_DIRECTION'
  | 'ERR_WIRE_DESCRIPTORS'
  | 'ERR_WIRE_LIMIT'
  | 'ERR_WIRE_VALUE'
  | 'ERR_WIRE_TRAILING';

/**
 * A message that may not be sent (`step` is `encode`) or that makes no sense on arrival (`decode`); its text says what
 * was seen and, for a limit, the limit and the size. Nothing was sent, and descriptors that came with the message are
 * still the receiver's to close.
 */
export class WireError extends Error {
  /** The name of this class. */
  override readonly name = 'WireError';
  /** Which of the closed list it is. */
  readonly code: WireErrorCode;
  /** Whether the message was to be sent or had come. */
  readonly step: 'encode' | 'decode';
  /** Name in the table; null when the header was refused. */
  readonly messageName: string | null;

  constructor(code: WireErrorCode, step: 'encode' | 'decode', messageName: string | null, seen: string) {
    super(`[${code}] ${step}${messageName === null ? '' : ` ${messageName}`}: ${seen}`);
    this.code = code;
    this.step = step;
    this.messageName = messageName;
  }
}
