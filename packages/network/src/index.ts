export { Network, type Slot, type SlotPlace } from './network.ts';
export { NetworkError, type NetworkErrorCode } from './network-error.ts';
export { type NetworkOptions, openNetwork } from './open-network.ts';
export { checkRules, type NetworkRules } from './rules.ts';
export { type SweepOptions, sweepNetwork } from './sweep-network.ts';
