import type { Box } from '../boxes/box.ts';
import { BoxExecutions, type ExecutionsContext } from './box-executions.ts';
import { WaitingRoom } from './waiting-room.ts';

/** Those of every box. */
export class Executions {
  readonly #context: ExecutionsContext;
  readonly #tables = new WeakMap<Box, BoxExecutions>();
  readonly #room = new WaitingRoom();

  /** Takes over what an earlier server has left running. */
  constructor(context: ExecutionsContext) {
    this.#context = context;
    for (const box of context.boxes.list()) this.of(box);
  }

  of(box: Box): BoxExecutions {
    const known = this.#tables.get(box);
    if (known !== undefined) return known;
    const table = new BoxExecutions(box, this.#context, this.#room);
    this.#tables.set(box, table);
    return table;
  }
}
