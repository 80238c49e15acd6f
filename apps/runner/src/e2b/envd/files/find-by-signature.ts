import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import type { HostedSandboxes } from '../../hosted/hosted-sandboxes.ts';
import { EnvdError } from '../envd-error.ts';
import { fitsEither } from './authorize-file.ts';
import type { FileQuery } from './file-query.ts';

export type SignedQuery = FileQuery;

const pattern = /^v1_[A-Za-z0-9+/]{43}$/;
/** PATH_MAX: no longer path can be of a file. */
const maxPathLength = 4096;
const maxNameLength = 256;

/**
 * The sandbox whose token a signature was made with: the URL of a file has nothing else that says whose it is, where one
 * address serves all sandboxes. Undefined: of none. Whether it may do what it asks for is for that sandbox's envd to say.
 *
 * Every live sandbox's token is tried, some microseconds each. As nobody has to have a token to ask, what fits none has a
 * budget, of each address and of all; beyond it whoever's sandbox was not found lately is told to come again. Throws
 * EnvdError 429.
 * @param from the address of who asks
 * @public
 */
export function findBySignature(
  hosted: HostedSandboxes,
  query: SignedQuery,
  from: string = '',
): HostedSandbox | undefined {
  const { signature = '', path = '', username = '', signature_expiration: expiration = '' } = query;
  const isPossible = pattern.test(signature) && path.length <= maxPathLength && username.length <= maxNameLength;
  if (!isPossible || !/^\d{0,16}$/.test(expiration)) return undefined;
  const search = searchOf(hosted);
  const known = search.known(signature);
  if (known !== undefined && fitsEither(known, query)) return known;
  return search.find(hosted.list(), query, from);
}

const searches = new WeakMap<HostedSandboxes, SignatureSearch>();

function searchOf(hosted: HostedSandboxes): SignatureSearch {
  let search = searches.get(hosted);
  if (search === undefined) searches.set(hosted, (search = new SignatureSearch(hosted)));
  return search;
}

/** Sandboxes that are tried in vain in one second, with paths of up to `shortPath`: a tenth of a processor. */
const triesASecond = 10_000;
/** Of one address; and never fewer than one search. */
const triesOfOne = 1000;
const shortPath = 512;
/** Signatures whose sandbox is remembered. */
const maxKnown = 1000;

class SignatureSearch {
  readonly #hosted: HostedSandboxes;
  readonly #known = new Map<string, string>();
  #second = 0;
  #tries = 0;
  readonly #triesFrom = new Map<string, number>();

  constructor(hosted: HostedSandboxes) {
    this.#hosted = hosted;
  }

  known(signature: string): HostedSandbox | undefined {
    const id = this.#known.get(signature);
    return id === undefined ? undefined : this.#hosted.find(id);
  }

  find(all: readonly HostedSandbox[], query: SignedQuery, from: string): HostedSandbox | undefined {
    this.#requireBudget(from);
    const found = all.find((one) => fitsEither(one, query));
    if (found === undefined) this.#charge(from, all.length * Math.ceil(((query.path ?? '').length + 1) / shortPath));
    else this.#remember(query.signature ?? '', found.id);
    return found;
  }

  #charge(from: string, tries: number): void {
    this.#tries += tries;
    this.#triesFrom.set(from, (this.#triesFrom.get(from) ?? 0) + tries);
  }

  #requireBudget(from: string): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#tries = 0;
      this.#triesFrom.clear();
    }
    this.#second = second;
    if (this.#tries < triesASecond && (this.#triesFrom.get(from) ?? 0) < triesOfOne) return;
    throw new EnvdError(429, 'too many signatures that fit no sandbox; try again in a second');
  }

  #remember(signature: string, id: string): void {
    const [oldest] = this.#known.keys();
    if (this.#known.size >= maxKnown && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(signature, id);
  }
}
