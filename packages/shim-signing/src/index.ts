export type { CodesignOptions } from './codesign.ts';
export type { Machine, Target } from './executable-header.ts';
export {
  type InstalledShim,
  type InstallOptions,
  installShim,
  type ReadOptions,
  readShim,
  type VerifiedShim,
} from './install-shim.ts';
export type { ShimManifest } from './manifest.ts';
export type { CommandResult, RunCommand } from './run-command.ts';
export { ShimSigningError, type ShimSigningErrorCode } from './shim-signing-error.ts';
export { publicKeyOf, type SignOptions, signShim } from './sign-shim.ts';
export { type SignedFile, signShimFile } from './sign-shim-file.ts';
export { type Requirements, verifyShim } from './verify-shim.ts';
