import { ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import { write } from '../write.ts';

/** Eight at a time, as many as the runtime makes progress with. */
const atOnce = 8;

/**
 * Does the same to each, prints the names of those it was done to, and tells each failure; one does not stop the others.
 * `act` says whether there was anything to do.
 */
export async function forEach(names: readonly string[], act: (name: string) => Promise<boolean>): Promise<number> {
  const left = [...names];
  let code = 0;
  const work = async (): Promise<void> => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      try {
        if (await act(name)) await write(process.stdout, `${name}\n`);
      } catch (error) {
        code = ExitCode.failure;
        await reportError(error);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return code;
}
