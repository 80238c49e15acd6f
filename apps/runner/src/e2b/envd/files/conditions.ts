import type { IncomingHttpHeaders } from 'node:http';

/** What conditions are about: which version of a file is there. */
export interface Version {
  readonly size: number;
  readonly modifiedAt: Date;
}

/** Weak: what is written in the same millisecond with the same size is told from it by nobody. */
export function entityTagOf({ size, modifiedAt }: Version): string {
  return `W/"${size.toString(16)}-${modifiedAt.getTime().toString(16)}"`;
}

/** 200: it is to be sent; what the client has is 304; what it expected is not there: 412. (RFC 9110, 13.2.2) */
export function statusOfConditions(headers: IncomingHttpHeaders, version: Version): 200 | 304 | 412 {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  // Weak tags never match here, where they must be strong.
  if (match !== undefined && match.trim() !== '*') return 412;
  if (match === undefined && isBefore(headers['if-unmodified-since'], version)) return 412;
  if (noneMatch !== undefined) return hasTag(noneMatch, entityTagOf(version)) ? 304 : 200;
  const since = secondsOf(headers['if-modified-since']);
  return since !== null && secondsAt(version.modifiedAt) <= since ? 304 : 200;
}

/** Whether `If-Range`, where it is given, is about this version: then a range of it is good for who has the rest. */
export function isRangeOf(headers: IncomingHttpHeaders, { modifiedAt }: Version): boolean {
  const ifRange = headers['if-range'];
  if (ifRange === undefined) return true;
  // A tag must be strong for this, and none of ours is.
  return typeof ifRange === 'string' && secondsOf(ifRange) === secondsAt(modifiedAt);
}

/** Whether the answer depends on what the client has already: then it gets the bytes as they are. */
export function isConditional(headers: IncomingHttpHeaders): boolean {
  return ['range', 'if-range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'].some(
    (name) => headers[name] !== undefined,
  );
}

function hasTag(list: string, tag: string): boolean {
  const value = (one: string): string => one.trim().replace(/^W\//, '');
  return list.trim() === '*' || list.split(',').some((one) => value(one) === value(tag));
}

function isBefore(date: string | undefined, { modifiedAt }: Version): boolean {
  const seconds = secondsOf(date);
  return seconds !== null && secondsAt(modifiedAt) > seconds;
}

/** Dates of headers have no parts of seconds. null: it is none, which counts as not given. */
function secondsOf(date: string | undefined): number | null {
  const milliseconds = Date.parse(date ?? '');
  return Number.isNaN(milliseconds) ? null : Math.floor(milliseconds / 1000);
}

function secondsAt(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
