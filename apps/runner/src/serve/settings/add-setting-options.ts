import type { Command } from 'commander';
import { flagOf, type Setting, serveSettings, settingNames } from './serve-settings.ts';

/** An option for each setting. None has a default here: it could not be told from a value that was given. */
export function addSettingOptions(command: Command): void {
  for (const name of settingNames) {
    const { value, help, default: usual, usual: words = String(usual) }: Setting<unknown> = serveSettings[name];
    if (value === null) command.option(flagOf(name), help);
    else command.option(`${flagOf(name)} ${value}`, `${help} (default: ${words})`);
  }
  command.option('--config <file>', 'JSON with settings by their names in camelCase; variables and flags go before it');
  command.addHelpText('after', '\nEach option is a variable, too: HATCHERY_PORT, HATCHERY_POOL_FLOOR and so on.');
}
