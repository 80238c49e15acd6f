import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { CliError } from '../../cli-error.ts';
import { nearest } from './nearest.ts';
import {
  flagOf,
  type ServeSettings,
  type Setting,
  type SettingName,
  serveSettings,
  settingNames,
  variableOf,
} from './serve-settings.ts';

/** As they were typed; `true`: a flag without a value. */
export type SettingFlags = Readonly<Record<string, string | true | undefined>>;

/** Settings as one source has them, still unchecked. */
interface Source {
  readonly values: Readonly<Record<string, unknown>>;
  /** What its user calls a setting. */
  nameOf(name: string): string;
}

const schema = {
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(settingNames.map((name) => [name, serveSettings[name].kind.schema])),
};
const validate = new Ajv({ allowUnionTypes: true, verbose: true }).compile(schema);

/**
 * The settings of a server: a flag goes before a variable, a variable before the file of `--config` (or HATCHERY_CONFIG),
 * and the file before the default. An empty variable is none. Throws ERR_SETTING, which names where the value is from.
 */
export function loadSettings(flags: SettingFlags, environment: NodeJS.ProcessEnv): ServeSettings {
  const { config = environment['HATCHERY_CONFIG'], ...others } = flags;
  const sources = [
    fromFlags(others),
    fromEnvironment(environment),
    ...(typeof config === 'string' && config !== '' ? [fromFile(config)] : []),
  ];
  for (const source of sources) check(source);
  return Object.fromEntries(settingNames.map((name) => [name, compile(name, sources)])) as unknown as ServeSettings;
}

function fromFlags(flags: SettingFlags): Source {
  const given = settingNames.filter((name) => flags[name] !== undefined);
  const values = given.map((name) => [name, fromText(name, flags[name] ?? '')]);
  return { values: Object.fromEntries(values), nameOf: flagOf };
}

function fromEnvironment(environment: NodeJS.ProcessEnv): Source {
  refuseSlips(environment);
  const given = settingNames.filter((name) => (environment[variableOf(name)] ?? '') !== '');
  const values = given.map((name) => [name, fromText(name, environment[variableOf(name)] ?? '')]);
  return { values: Object.fromEntries(values), nameOf: variableOf };
}

function fromFile(path: string): Source {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = error instanceof SyntaxError ? `is no JSON (${error.message.slice(0, 200)})` : (error as Error).message;
    throw new CliError('ERR_SETTING', `--config ${path}: ${why}; give the path of a JSON file`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new CliError('ERR_SETTING', `--config ${path}: it holds no object; write { "port": 3000 }, for example`);
  return { values: content as Record<string, unknown>, nameOf: (name) => `${path}: ${name}` };
}

function fromText(name: SettingName, given: string | true): unknown {
  return given === true ? true : serveSettings[name].kind.fromText(given);
}

/** Others use this prefix, too: only what looks like one of ours and is none is refused. */
function refuseSlips(environment: NodeJS.ProcessEnv): void {
  const ours = [...settingNames.map(variableOf), 'HATCHERY_CONFIG'];
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith('HATCHERY_') || ours.includes(variable)) continue;
    const meant = nearest(variable, ours);
    if (meant !== null) throw new CliError('ERR_SETTING', `${variable}: no such setting; did you mean ${meant}?`);
  }
}

function check(source: Source): void {
  if (validate(source.values)) return;
  const [error] = validate.errors ?? [];
  const extra: unknown = error?.params['additionalProperty'];
  if (typeof extra === 'string') {
    const meant = nearest(extra, settingNames);
    const remedy = meant === null ? `the settings are ${settingNames.join(', ')}` : `did you mean ${meant}?`;
    throw new CliError('ERR_SETTING', `${source.nameOf(extra.slice(0, 64))}: no such setting; ${remedy}`);
  }
  throw wrongValue(error?.instancePath.split('/')[1] as SettingName, source);
}

function compile(name: SettingName, sources: readonly Source[]): unknown {
  const setting: Setting<unknown> = serveSettings[name];
  for (const source of sources) {
    if (!(name in source.values)) continue;
    try {
      return setting.kind.compile(source.values[name]);
    } catch {
      throw wrongValue(name, source);
    }
  }
  return setting.default;
}

function wrongValue(name: SettingName, source: Source): CliError {
  const value = JSON.stringify(source.values[name]).slice(0, 100);
  return new CliError(
    'ERR_SETTING',
    `${source.nameOf(name)}: ${value} cannot be; give ${serveSettings[name].kind.expects}`,
  );
}
