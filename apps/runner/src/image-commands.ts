import type { Command } from 'commander';
import type { ImageFlags } from './commands/image.ts';
import { dataDirectoryFlag, runDirectoryFlag } from './server-directories.ts';
import { defaultMirror } from './templates/base-recipe.ts';

/** The commands for templates, which need no server; one that runs sees at once what they have changed. */
export function addImageCommands(program: Command, setExitCode: (code: number) => void): void {
  const image = program.command('image').description('what sandboxes of clients over HTTP are made from');
  const add = (name: string, description: string): Command =>
    image
      .command(name)
      .description(description)
      .option(...dataDirectoryFlag);

  add('base', 'build the template "base" from Debian’s packages (debootstrap), which takes a minute')
    .option('--mirror <url>', 'a Debian archive', defaultMirror)
    .action(async (flags: ImageFlags & { mirror: string }) => {
      const { imageBase } = await import('./commands/image.ts');
      setExitCode(await imageBase(flags));
    });

  add('register', 'make a template of a root directory, which stays where it is')
    .argument('<name>')
    .argument('<directory>')
    .action(async (name: string, directory: string, flags: ImageFlags) => {
      const { imageRegister } = await import('./commands/image.ts');
      setExitCode(await imageRegister(name, directory, flags));
    });

  add('ls', 'list the templates')
    .option('--json', 'print them as JSON')
    .action(async (flags: ImageFlags & { json?: boolean }) => {
      const { imageList } = await import('./commands/image.ts');
      setExitCode(await imageList(flags));
    });

  add('rm', 'take templates out; a registered directory stays, one that was built here is deleted')
    .argument('<names...>')
    .option(...runDirectoryFlag)
    .action(async (names: string[], flags: ImageFlags & { runDirectory?: string }) => {
      const { imageRemove } = await import('./commands/image.ts');
      setExitCode(await imageRemove(names, flags));
    });
}
