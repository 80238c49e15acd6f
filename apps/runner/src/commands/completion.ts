import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { openClient } from '../client/open-client.ts';
import { KeyStore } from '../keys/key-store.ts';
import { dataDirectoryOf } from '../server-directories.ts';
import type { SandboxView } from '../wire/views.ts';
import { write } from '../write.ts';

const shells = ['bash', 'zsh', 'fish'];
/** A key that was pressed waits no longer for a server. */
const patienceMs = 500;

/**
 * The library's script for bash hands what was typed to eval, so that a key press would run a `$(...)` on the line, and
 * it needs the package bash-completion. Words are passed here as they are.
 */
const bashScript = `# completion of hatchery for bash
_hatchery() {
  local value rest
  COMPREPLY=()
  while IFS=$'\\t' read -r value rest; do
    [[ $value == :* ]] || COMPREPLY+=("$value")
  done < <(hatchery complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _hatchery hatchery
`;

/** Prints what makes a shell complete our commands: `source <(hatchery completion bash)`. */
export async function printScript(program: Command, shell: string): Promise<void> {
  if (!shells.includes(shell))
    throw new CliError('ERR_USAGE', `completion: "${shell}" is none of ${shells.join(', ')}`);
  if (shell === 'bash') await write(process.stdout, bashScript);
  else tab(program, { completionCommandName: 'completion' }).setup(program.name(), program.name(), shell);
}

/** What those scripts ask for at each press of the key: the words so far, the last one to be completed. */
export async function suggest(program: Command, words: string[]): Promise<void> {
  const root = tab(program, { completionCommandName: 'completion' });
  const command = root.commands.get(words[0] ?? '');
  const ids = command?.arguments.has('sandbox') || command?.arguments.has('sandboxes') ? await sandboxIds() : [];
  // Of `keys revoke`, which is two words.
  const revoked = words[0] === 'keys' ? root.commands.get('keys revoke')?.arguments.get('name') : undefined;
  if (revoked !== undefined) revoked.handler = (complete) => keyNames().forEach((name) => complete(name, ''));
  for (const name of ['sandbox', 'sandboxes']) {
    const argument = command?.arguments.get(name);
    if (argument !== undefined) argument.handler = (complete) => ids.forEach((id) => complete(id, ''));
  }
  const network = command?.options.get('network');
  if (network !== undefined) network.handler = (complete) => ['none', 'slot'].forEach((mode) => complete(mode, ''));
  root.parse(words);
}

function keyNames(): string[] {
  try {
    return KeyStore.open(dataDirectoryOf({}))
      .list()
      .map(({ name }) => name);
  } catch {
    return []; // not ours to read: then there is nothing to offer
  }
}

async function sandboxIds(): Promise<string[]> {
  try {
    const client = openClient({});
    const signal = AbortSignal.timeout(patienceMs);
    const { sandboxes } = await client.call<{ sandboxes: SandboxView[] }>('GET', '/v1/sandboxes', { signal });
    return sandboxes.map(({ id }) => id);
  } catch {
    return []; // nobody serves: then there is nothing to offer
  }
}
