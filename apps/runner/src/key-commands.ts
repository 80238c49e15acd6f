import type { Command } from 'commander';
import type { KeysFlags } from './commands/keys.ts';
import { dataDirectoryFlag } from './server-directories.ts';

/** `keys create|list|revoke`. A server that runs sees what they do at its next request. */
export function addKeyCommands(program: Command, setExitCode: (code: number) => void): void {
  const keys = program.command('keys').description('the API keys that clients of the server use over HTTP');
  const add = (name: string, description: string): Command =>
    keys
      .command(name)
      .description(description)
      .option(...dataDirectoryFlag);

  add('create', 'make a key and print it, this once')
    .argument('<name>')
    .action(async (name: string, flags: KeysFlags) => {
      const { createKey } = await import('./commands/keys.ts');
      setExitCode(await createKey(name, flags));
    });
  add('list', 'list their names and first characters')
    .option('--json', 'print them as JSON')
    .action(async (flags: KeysFlags) => {
      const { listKeys } = await import('./commands/keys.ts');
      setExitCode(await listKeys(flags));
    });
  add('revoke', 'refuse a key from now on')
    .argument('<name>')
    .action(async (name: string, flags: KeysFlags) => {
      const { revokeKey } = await import('./commands/keys.ts');
      setExitCode(await revokeKey(name, flags));
    });
}
