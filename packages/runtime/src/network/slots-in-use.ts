import type { SlotPlace } from '@hatchery/network';
import type { TakenSlot } from './taken-slot.ts';

/** A slot that was made or adopted for a sandbox, and is not released. */
export interface SlotInUse {
  readonly place: SlotPlace;
  /** null: of a slot that nobody took. */
  readonly sandboxId: string | null;
  /** null: adopted. */
  readonly taken: TakenSlot | null;
}

/** Whether the sandbox of this id has this slot, or is just being changed and may. */
export type HasSlot = (sandboxId: string, place: SlotPlace) => boolean;

/** For whom slots were taken. What the table says is held against it: a slot whose sandbox has none, or another, was forgotten. */
export class SlotsInUse {
  readonly #byAddress = new Map<string, SlotInUse>();

  add(slot: SlotInUse): void {
    this.#byAddress.set(slot.place.address, slot);
  }

  get({ address, id }: SlotPlace): SlotInUse | null {
    const found = this.#byAddress.get(address);
    return found?.place.id === id ? found : null;
  }

  remove(place: SlotPlace): void {
    if (this.get(place) !== null) this.#byAddress.delete(place.address);
  }
}
