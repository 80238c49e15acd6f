import { ControlError } from '../serve/control-error.ts';

/** With its name and NUL, MAX_ARG_STRLEN of execve(2): one that is longer lets no command start. */
const maxVariableBytes = 131_071;
/** Half of what an execution may have, so that there is room for its arguments. */
const maxEnvironmentBytes = 262_144;

/**
 * Refuses with 400 what would be taken at a create and then let no command start. Variables may be secrets: their names are told.
 * @param field of the body
 */
export function checkVariables(field: string, variables: Readonly<Record<string, string>>): void {
  let bytes = 0;
  for (const [name, value] of Object.entries(variables)) {
    // What is behind a = was meant to be a value, and those are not repeated.
    if (name === '' || name.includes('='))
      throw new ControlError(400, `${field}: "${name.split('=')[0]?.slice(0, 64)}": a name is not empty and has no =`);
    const length = Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
    if (length > maxVariableBytes)
      throw new ControlError(400, `${field}: "${name.slice(0, 64)}" is longer than ${maxVariableBytes} bytes`);
    bytes += length;
  }
  if (bytes > maxEnvironmentBytes)
    throw new ControlError(400, `${field}: more than ${maxEnvironmentBytes} bytes together`);
}
