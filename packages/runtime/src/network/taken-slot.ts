import { closeFd } from '@hatchery/linux';
import type { Slot, SlotPlace } from '@hatchery/network';

/** A slot for a sandbox that is being made; `netns` is closed once init is in it. */
export class TakenSlot {
  readonly place: SlotPlace;
  #netns: number | null;

  constructor({ netns, id, interfaceName, address, gateway }: Slot) {
    this.place = { id, interfaceName, address, gateway };
    this.#netns = netns;
  }

  /** Descriptor of its network namespace, to be sent. */
  get netns(): number {
    if (this.#netns === null) throw new Error(`the namespace of ${this.place.interfaceName} is closed already`);
    return this.#netns;
  }

  /** The namespace lives on by those who are in it. Any number of times. */
  closeNetns(): void {
    if (this.#netns !== null) closeFd(this.#netns);
    this.#netns = null;
  }
}
