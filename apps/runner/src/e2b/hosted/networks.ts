import type { Sandbox } from '@hatchery/runtime';
import type { NetworkWish } from './hosted-details.ts';
import type { HostedSandbox } from './hosted-sandbox.ts';
import { everything, slotRules } from './slot-rules.ts';

/** Where sandboxes may go, in the words of the API. What is in force the runtime knows, and keeps. */
export class Networks {
  /** What was asked for last, of those that this server was asked about. */
  readonly #wishes = new WeakMap<Sandbox, NetworkWish>();

  /** Replaces all of it. Throws as `sandbox.updateNetwork()`. */
  async update({ sandbox }: HostedSandbox, wish: NetworkWish): Promise<void> {
    await sandbox.updateNetwork(slotRules(wish));
    this.#wishes.set(sandbox, wish);
  }

  /** As it was asked for; where nobody knows that any more, what has the same effect. */
  of({ sandbox, details }: HostedSandbox): NetworkWish {
    const { network } = sandbox.spec;
    const inForce = JSON.stringify([network?.allow ?? null, network?.deny ?? []]);
    const isInForce = (wish: NetworkWish | undefined): boolean => {
      if (wish === undefined) return false;
      const { allow = null, deny = [] } = slotRules(wish);
      return JSON.stringify([allow, deny]) === inForce;
    };
    const wish = [this.#wishes.get(sandbox), details.network].find(isInForce);
    if (wish !== undefined) return wish;
    const allow = network === null ? [] : network.allow;
    return {
      allowOut: allow ?? [],
      denyOut: allow === null ? (network?.deny ?? []) : [everything],
      allowInternetAccess: null,
    };
  }
}
