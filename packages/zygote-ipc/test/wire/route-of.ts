import { type MessageName, namesOfRoute } from '../../src/wire/codec.generated.ts';
import type { WireRoute } from '../../src/wire/decode.ts';
import type { NativeParty } from './native-echo.ts';

export const routes: readonly WireRoute[] = [
  'runtime-to-zygote',
  'runtime-to-init',
  'zygote-to-runtime',
  'init-to-runtime',
];

/** Sender and receiver of a route, as the native echo takes them. */
export const partiesOf: { readonly [Route in WireRoute]: { readonly peer: NativeParty; readonly me: NativeParty } } = {
  'runtime-to-zygote': { peer: 'runtime', me: 'zygote' },
  'runtime-to-init': { peer: 'runtime', me: 'init' },
  'zygote-to-runtime': { peer: 'zygote', me: 'runtime' },
  'init-to-runtime': { peer: 'init', me: 'runtime' },
};

/** A route that the message travels. */
export function routeOf(name: MessageName): WireRoute {
  const route = routes.find((candidate) => namesOfRoute[candidate].has(name));
  if (route === undefined) throw new Error(`${name} travels nowhere`);
  return route;
}
