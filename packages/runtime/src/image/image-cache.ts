import { type Image, resolveImage } from './image.ts';

/** How old an answer may be before it is asked for again, beside the create that uses it. */
const freshMs = 1000;

/** What of a sandbox the image `host` depends on: without a network it asks nobody for names. */
type Variant = 'alone' | 'networked';

interface Entry {
  image: Image;
  askedAt: number;
}

/**
 * Remembers the image `host`, whose skeleton takes a dozen stats to check. An old answer is used once more while it is
 * being renewed: skeletons of this boot are never removed, so it stays usable. Directories are not remembered.
 */
export class ImageCache {
  readonly #dataDirectory: string;
  readonly #resolvers: () => Promise<readonly string[]>;
  readonly #hosts = new Map<Variant, Entry>();
  readonly #renewing = new Map<Variant, Promise<void>>();

  /** @param resolvers name servers that sandboxes with a network ask */
  constructor(dataDirectory: string, resolvers: () => Promise<readonly string[]>) {
    this.#dataDirectory = dataDirectory;
    this.#resolvers = resolvers;
  }

  async resolve({ image, network }: { readonly image: string; readonly network: object | null }): Promise<Image> {
    if (image !== 'host') return await resolveImage(image, { dataDirectory: this.#dataDirectory });
    const variant = network === null ? 'alone' : 'networked';
    const known = this.#hosts.get(variant);
    if (known === undefined) return await this.#renew(variant);
    if (performance.now() - known.askedAt > freshMs && !this.#renewing.has(variant)) this.#renewLater(variant);
    return known.image;
  }

  /** The renewals that are under way, so that closing can wait for them. */
  async settled(): Promise<void> {
    await Promise.all(this.#renewing.values());
  }

  #renewLater(variant: Variant): void {
    const renewal = this.#renew(variant)
      .then(() => {})
      .catch(() => {})
      .finally(() => this.#renewing.delete(variant));
    this.#renewing.set(variant, renewal);
  }

  async #renew(variant: Variant): Promise<Image> {
    const resolvers = variant === 'alone' ? [] : await this.#resolvers();
    const image = await resolveImage('host', { dataDirectory: this.#dataDirectory, resolvers });
    this.#hosts.set(variant, { image, askedAt: performance.now() });
    return image;
  }
}
