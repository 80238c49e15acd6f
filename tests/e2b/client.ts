import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The client package, whichever version: what both have in common is what their users write against. */
export type Client = Omit<typeof import('e2b'), 'default'>;

// The types of the older one have other private parts; what is called is there in both.
const packages = {
  e2b: async () => await import('e2b'),
  'e2b-2-45': async () => (await import('e2b-2-45')) as unknown as Client,
} satisfies Record<string, () => Promise<Client>>;

/** The packages that users have, by the name that they are installed under here. */
export const clientPackages: readonly (keyof typeof packages)[] = ['e2b', 'e2b-2-45'];

export async function importClient(name: keyof typeof packages): Promise<Client> {
  return await packages[name]();
}

/** The version that is installed. */
export function clientVersion(packageName: string): string {
  const require = createRequire(import.meta.url);
  return (require(join(packageDirectory(packageName), 'package.json')) as { version: string }).version;
}

/** Where a package is installed. */
export function packageDirectory(packageName: string): string {
  return dirname(dirname(createRequire(import.meta.url).resolve(packageName)));
}
