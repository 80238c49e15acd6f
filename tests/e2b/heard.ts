/** What a callback of a client was told, in order, and the promise of more. */
export class Heard<Told> {
  readonly all: Told[] = [];
  #wake: () => void = () => {};

  /** To be given to the client. */
  readonly tell = (told: Told): void => {
    this.all.push(told);
    this.#wake();
  };

  /** Resolves once what was heard is as wanted. The test's own time limit is the limit. */
  async until(isEnough: (all: readonly Told[]) => boolean): Promise<void> {
    while (!isEnough(this.all)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** The bytes of a terminal as text. */
export class HeardText extends Heard<string> {
  readonly #decoder = new TextDecoder();

  readonly tellBytes = (bytes: Uint8Array): void => this.tell(this.#decoder.decode(bytes, { stream: true }));

  get text(): string {
    return this.all.join('');
  }

  async untilText(text: string | RegExp): Promise<void> {
    await this.until((all) => all.join('').search(text) >= 0);
  }
}
