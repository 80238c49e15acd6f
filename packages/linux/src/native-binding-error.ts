/**
 * The addon of this package cannot be used on this machine. `ERR_NATIVE_BINDING_MISSING`: there is no binary for the
 * architecture; `ERR_NATIVE_BINDING_UNUSABLE`: there is one, and loading it failed (`cause` says how).
 */
export class NativeBindingError extends Error {
  /** The name of this class. */
  override readonly name = 'NativeBindingError';
  /** Which of these it is. */
  readonly code: 'ERR_NATIVE_BINDING_MISSING' | 'ERR_NATIVE_BINDING_UNUSABLE';
  /** Of this process, as `process.arch` has it. */
  readonly arch: string;
  /** Where the addon is, or should be. */
  readonly path: string;

  constructor(code: NativeBindingError['code'], arch: string, path: string, options?: ErrorOptions) {
    super(
      code === 'ERR_NATIVE_BINDING_MISSING'
        ? `[${code}] no addon for linux-${arch}: not in the package @hatchery/linux-${arch}, which npm installs unless optional packages are left out (--omit=optional) or the C library is not glibc, and not at ${path}. Install that package, or build the addon with \`sh native/build.sh\` in the package @hatchery/linux, on that architecture.`
        : `[${code}] the addon for linux-${arch} at ${path} cannot be loaded. Rebuild it with \`sh native/build.sh\` in the package @hatchery/linux.`,
      options,
    );
    this.code = code;
    this.arch = arch;
    this.path = path;
  }
}
