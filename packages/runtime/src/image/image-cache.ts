import { type Image, resolveImage } from './image.ts';

/** How old an answer may be before it is asked for again, beside the create that uses it. */
const freshMs = 1000;

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
  #host: Entry | null = null;
  #renewing: Promise<void> | null = null;

  constructor(dataDirectory: string) {
    this.#dataDirectory = dataDirectory;
  }

  async resolve(image: string): Promise<Image> {
    if (image !== 'host') return await resolveImage(image, { dataDirectory: this.#dataDirectory });
    if (this.#host === null) await this.#renew();
    else if (performance.now() - this.#host.askedAt > freshMs) this.#renewing ??= this.#renew().catch(() => {});
    // Just renewed, or from before; a failed first renewal has thrown.
    return this.#host?.image ?? (await resolveImage(image, { dataDirectory: this.#dataDirectory }));
  }

  /** The renewal that is under way, so that closing can wait for it. */
  async settled(): Promise<void> {
    await this.#renewing;
  }

  async #renew(): Promise<void> {
    try {
      const image = await resolveImage('host', { dataDirectory: this.#dataDirectory });
      this.#host = { image, askedAt: performance.now() };
    } finally {
      this.#renewing = null;
    }
  }
}
