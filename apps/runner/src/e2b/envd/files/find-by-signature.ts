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
 * budget; beyond it everybody whose sandbox was not found lately is told to come again. Throws EnvdError 429.
 * @public
 */
export function findBySignature(hosted: HostedSandboxes, query: SignedQuery): HostedSandbox | undefined {
  const { signature = '', path = '', username = '', signature_expiration: expiration = '' } = query;
  const isPossible = pattern.test(signature) && path.length <= maxPathLength && username.length <= maxNameLength;
  if (!isPossible || !/^\d{0,16}$/.test(expiration)) return undefined;
  const search = searchOf(hosted);
  const known = search.known(signature);
  if (known !== undefined && fitsEither(known, query)) return known;
  return search.find(hosted.list(), query);
}

const searches = new WeakMap<HostedSandboxes, SignatureSearch>();

function searchOf(hosted: HostedSandboxes): SignatureSearch {
  let search = searches.get(hosted);
  if (search === undefined) searches.set(hosted, (search = new SignatureSearch(hosted)));
  return search;
}

/** Sandboxes that are tried in vain in one second, with paths of up to `shortPath`: a tenth of a processor. */
const triesASecond = 10_000;
const shortPath = 512;
/** Signatures whose sandbox is remembered. */
const maxKnown = 1000;

class SignatureSearch {
  readonly #hosted: HostedSandboxes;
  readonly #known = new Map<string, string>();
  #second = 0;
  #tries = 0;

  constructor(hosted: HostedSandboxes) {
    this.#hosted = hosted;
  }

  known(signature: string): HostedSandbox | undefined {
    const id = this.#known.get(signature);
    return id === undefined ? undefined : this.#hosted.find(id);
  }

  find(all: readonly HostedSandbox[], query: SignedQuery): HostedSandbox | undefined {
    this.#requireBudget();
    const found = all.find((one) => fitsEither(one, query));
    if (found === undefined) this.#tries += all.length * Math.ceil(((query.path ?? '').length + 1) / shortPath);
    else this.#remember(query.signature ?? '', found.id);
    return found;
  }

  #requireBudget(): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) this.#tries = 0;
    this.#second = second;
    if (this.#tries < triesASecond) return;
    throw new EnvdError(429, 'too many signatures that fit no sandbox; try again in a second');
  }

  #remember(signature: string, id: string): void {
    const [oldest] = this.#known.keys();
    if (this.#known.size >= maxKnown && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(signature, id);
  }
}
