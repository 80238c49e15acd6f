import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of the shim that this package was built with. */
export function shimPath(variant: 'hatchery-shim' | 'hatchery-shim-asan' = 'hatchery-shim'): string {
  // The same depth from src/ and from dist/.
  return fileURLToPath(new URL(`../build/linux-${process.arch}/${variant}`, import.meta.url));
}

/**
 * The shim's bytes as they are; whether to trust them is for `@hatchery/shim-signing` to say. Throws an error that says how
 * to build it when it is not there.
 */
export function readShim(path: string = shimPath()): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Error(
      `[ERR_SHIM_MISSING] reading the shim "${path}" failed. Build it with "sh native/build.sh" in @hatchery/zygote-ipc (it needs a C compiler), or install the package for ${process.arch}`,
      { cause },
    );
  }
}
