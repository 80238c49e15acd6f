import { type RunCommand, runCommand } from './run-command.ts';
import { ShimSigningError } from './shim-signing-error.ts';

/** How macOS gets the entitlements that a hypervisor needs. */
export interface CodesignOptions {
  /** Name of a signing identity in the keychain. Default `-`: ad hoc. */
  readonly identity?: string;
  /** Path of the entitlements' property list. Default: none. */
  readonly entitlements?: string;
  /** Default: starts the program. */
  readonly run?: RunCommand;
  /** For each call. Default 60,000. */
  readonly timeoutMs?: number;
}

/** Calls codesign(1). Throws ERR_SHIM_CODESIGN when it fails or does not end in time. */
export class Codesign {
  readonly #options: CodesignOptions;

  constructor(options: CodesignOptions) {
    this.#options = options;
  }

  async sign(path: string, identifier: string): Promise<void> {
    const { identity = '-', entitlements } = this.#options;
    const granted = entitlements === undefined ? [] : ['--entitlements', entitlements];
    const made = ['--force', '--sign', identity, '--identifier', identifier, ...granted, path];
    const { code, output } = await this.#call(made, path);
    if (code !== 0)
      throw codesignError(path, `codesign failed with ${code ?? 'a signal'}: ${output.trim() || 'no output'}`);
  }

  /** Whether the file is signed under this identifier and whole, as far as codesign can tell. */
  async verifies(path: string, identifier: string): Promise<boolean> {
    const { code } = await this.#call(['--verify', '--strict', `-R=identifier "${identifier}"`, path], path);
    return code === 0;
  }

  async #call(commandArguments: readonly string[], path: string): ReturnType<RunCommand> {
    const { run = runCommand, timeoutMs = 60_000 } = this.#options;
    const signal = AbortSignal.timeout(timeoutMs);
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () =>
        reject(codesignError(path, `codesign did not end within ${timeoutMs} ms`)),
      );
    });
    try {
      // A runner that does not heed the signal is left behind; what it still does is done to a file that is gone.
      return await Promise.race([run('codesign', commandArguments, { signal }), late]);
    } catch (cause) {
      if (cause instanceof ShimSigningError) throw cause;
      throw codesignError(
        path,
        `codesign could not be run: ${cause instanceof Error ? cause.message : String(cause)}`,
        cause,
      );
    }
  }
}

export function codesignError(file: string, what: string, cause?: unknown): ShimSigningError {
  const text = `signing ${file}: ${what}. Nothing was installed; mend that and try again`;
  return new ShimSigningError({ code: 'ERR_SHIM_CODESIGN', step: 'codesign', file, text, cause });
}
