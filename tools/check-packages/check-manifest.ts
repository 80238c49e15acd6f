interface PackedManifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** What is wrong with the manifest in a tarball: versions that only a workspace understands. All packages have one version. */
export function checkManifest(manifest: PackedManifest): string[] {
  const { version, dependencies, optionalDependencies, peerDependencies } = manifest;
  const wanted = Object.entries({ ...dependencies, ...optionalDependencies, ...peerDependencies });
  return wanted.flatMap(([name, range]) => {
    if (!/^[\^~]?\d+\.\d+\.\d+/.test(range)) return [`depends on ${name}@${range}, which no registry knows`];
    if (name.startsWith('@hatchery/') && range !== version) return [`depends on ${name}@${range}, and is ${version}`];
    return [];
  });
}
