export type ContentEncoding = 'identity' | 'gzip';

/** Which encodings a client takes, by its `Accept-Encoding` (RFC 9110, 12.5.3). */
export interface AcceptedEncodings {
  /** It asks for gzip no less than for anything else. */
  readonly wantsGzip: boolean;
  /** It takes the content as it is. */
  readonly identity: boolean;
}

export function acceptedEncodings(header: string | undefined): AcceptedEncodings {
  const qualities = new Map((header ?? '').split(',').map(parseItem));
  const any = qualities.get('*');
  const identity = qualities.get('identity') ?? any;
  const gzip = qualities.get('gzip') ?? any ?? 0;
  // Nothing said of it, it is taken, and anything that is named is liked better.
  return { wantsGzip: gzip > 0 && gzip >= (qualities.get('identity') ?? 0), identity: identity !== 0 };
}

function parseItem(item: string): [name: string, quality: number] {
  const [name = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  const value = quality === undefined ? 1 : Number(quality.slice(2));
  return [name, value >= 0 && value <= 1 ? value : 0];
}
