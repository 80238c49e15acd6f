import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const { arch } = process;

/**
 * Path of the shim that belongs to this package: what was built in it, in a checkout or by a user of the sources; else that
 * of the optional package which npm installs on this architecture. Where there is neither, the place where a build would
 * put it.
 */
export function shimPath(variant: 'hatchery-shim' | 'hatchery-shim-asan' = 'hatchery-shim'): string {
  // The same depth from src/ and from dist/.
  const built = fileURLToPath(new URL(`../build/linux-${arch}/${variant}`, import.meta.url));
  if (existsSync(built)) return built;
  try {
    return createRequire(import.meta.url).resolve(`@hatchery/zygote-ipc-${arch}/${variant}`);
  } catch {
    return built;
  }
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
      `[ERR_SHIM_MISSING] reading the shim "${path}" failed. Install @hatchery/zygote-ipc-${arch}, which npm does unless optional packages are left out (--omit=optional), or build the shim with "sh native/build.sh" in @hatchery/zygote-ipc (it needs a C compiler)`,
      { cause },
    );
  }
}
