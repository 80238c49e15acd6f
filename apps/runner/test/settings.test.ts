import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProgram } from '../src/program.ts';
import { loadSettings } from '../src/serve/settings/load-settings.ts';
import {
  flagOf,
  type SettingName,
  serveSettings,
  settingNames,
  variableOf,
} from '../src/serve/settings/serve-settings.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hatchery-settings-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function fileOf(content: unknown): string {
  const path = join(directory, 'hatchery.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('settings of serve', () => {
  it('come from a flag before a variable, from that before a file, and from that before the default', () => {
    const config = fileOf({ port: 1, poolFloor: 1, instance: 'of-file', onExit: 'destroy' });
    const environment = { HATCHERY_PORT: '2', HATCHERY_INSTANCE: 'of-variable', HATCHERY_SOCKET: '' };
    const settings = loadSettings({ config, port: '3' }, environment);
    expect(settings).toMatchObject({ port: 3, instance: 'of-variable', poolFloor: 1, onExit: 'destroy' });
    expect(settings).toMatchObject({ host: '127.0.0.1', poolCeiling: 16, socket: null });
    expect(loadSettings({}, { HATCHERY_CONFIG: config }).port).toBe(1);
  });

  it('have the same forms everywhere', () => {
    const config = fileOf({
      port: 'none',
      drainTimeout: '1s',
      insecureHttp: true,
      logLevel: 'warn',
      maxConnections: 5,
    });
    const compiled = { port: null, drainTimeout: 1000, insecureHttp: true, logLevel: 'warn', maxConnections: 5 };
    expect(loadSettings({ config }, {})).toMatchObject(compiled);
    const flags = {
      port: 'none',
      drainTimeout: '1s',
      insecureHttp: true,
      logLevel: 'warn',
      maxConnections: '5',
    } as const;
    expect(loadSettings(flags, {})).toMatchObject(compiled);
    const environment = {
      HATCHERY_PORT: 'none',
      HATCHERY_DRAIN_TIMEOUT: '1000',
      HATCHERY_INSECURE_HTTP: 'true',
      HATCHERY_LOG_LEVEL: 'warn',
      HATCHERY_MAX_CONNECTIONS: '5',
    };
    expect(loadSettings({}, environment)).toMatchObject(compiled);
  });

  it('that are wrong are refused by source, name and value, with what to give', () => {
    for (const [flags, environment, content, said] of [
      [{ port: 'http' }, {}, {}, '--port: "http" cannot be; give a port from 0 to 65535, or none'],
      [{ port: '65536' }, {}, {}, '--port: 65536 cannot be'],
      [{ port: '' }, {}, {}, '--port: "" cannot be'],
      [{ drainTimeout: 'soon' }, {}, {}, '--drain-timeout: "soon" cannot be; give a duration'],
      [{ logLevel: 'loud' }, {}, {}, '--log-level: "loud" cannot be; give error, warn, info, debug or silent'],
      [{}, { HATCHERY_POOL_FLOOR: '-1' }, {}, 'HATCHERY_POOL_FLOOR: -1 cannot be; give a whole number from 0'],
      [{}, { HATCHERY_INSECURE_HTTP: 'yes' }, {}, 'HATCHERY_INSECURE_HTTP: "yes" cannot be; give true or false'],
      [{}, {}, { port: '3000' }, 'hatchery.json: port: "3000" cannot be; give a port'],
      [{}, {}, { onExit: 'keeep' }, 'hatchery.json: onExit: "keeep" cannot be; give keep or destroy'],
      [{}, {}, { runDirectory: 7 }, 'hatchery.json: runDirectory: 7 cannot be; give an absolute path'],
      // A wrong one is refused although another source goes before it.
      [{ port: '1' }, { HATCHERY_PORT: 'x' }, {}, 'HATCHERY_PORT: "x" cannot be'],
    ] as const)
      expect(() => loadSettings({ ...flags, config: fileOf(content) }, environment)).toThrow(said);
  });

  it('that do not exist are refused, with the one that was meant', () => {
    const load = (content: unknown): unknown => loadSettings({ config: fileOf(content) }, {});
    expect(() => load({ prot: 1 })).toThrow('hatchery.json: prot: no such setting; did you mean port?');
    expect(() => load({ 'pool-floor': 1 })).toThrow('did you mean poolFloor?');
    expect(() => load({ colour: 'red-and-secret' })).toThrow(/colour: no such setting; the settings are host, port/);
    expect(() => load({ colour: 'red-and-secret' })).not.toThrow('red-and-secret');
    expect(() => loadSettings({}, { HATCHERY_PROT: '1' })).toThrow(
      'HATCHERY_PROT: no such setting; did you mean HATCHERY_PORT?',
    );
    // Of others, such as Kubernetes for a service of our name.
    expect(loadSettings({}, { HATCHERY_SERVICE_HOST: '10.0.0.1', HATCHERY_PORT_3000_TCP_ADDR: 'x' }).port).toBe(3000);
  });

  it('from a file that is none are refused by its path', () => {
    expect(() => loadSettings({ config: '/nonexistent/file' }, {})).toThrow(
      /ERR_SETTING.*--config \/nonexistent\/file.*ENOENT/,
    );
    expect(() => loadSettings({ config: fileOf('port: 3000') }, {})).toThrow(/hatchery\.json is no JSON|is no JSON/);
    expect(() => loadSettings({ config: fileOf([]) }, {})).toThrow('it holds no object');
  });

  it('are all of them flags, told by help, and in docs/serve.md', () => {
    const page = readFileSync(new URL('../../../docs/serve.md', import.meta.url), 'utf8');
    const help =
      createProgram(() => {})
        .commands.find((command) => command.name() === 'serve')
        ?.helpInformation() ?? '';
    const wordsOf = (name: SettingName): string => [flagOf(name), serveSettings[name].value ?? ''].join(' ').trim();
    expect(settingNames.filter((name) => !help.includes(wordsOf(name)))).toEqual([]);
    expect(settingNames.filter((name) => !page.includes(`| \`${flagOf(name)}`))).toEqual([]);
    expect([flagOf('poolFloor'), variableOf('poolFloor')]).toEqual(['--pool-floor', 'HATCHERY_POOL_FLOOR']);
  });
});
