import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ApiKeyCredential, type Boxlite, BoxliteRestOptions, JsBoxlite } from '@boxlite-ai/boxlite';

/** Where the package is installed. */
const packageDirectory = dirname(dirname(createRequire(import.meta.url).resolve('@boxlite-ai/boxlite')));

/** Those of what it exports, and those of what its runtime gives. */
export const clientTypes: readonly string[] = ['index.d.ts', 'native-contracts.d.ts'].map((name) =>
  join(packageDirectory, 'dist', name),
);

export const clientVersion: string = `boxlite ${(createRequire(import.meta.url)(join(packageDirectory, 'package.json')) as { version: string }).version}`;

/** A box of the runtime in REST mode. */
export type ClientBox = Awaited<ReturnType<Boxlite['create']>>;
export type BoxOptions = Parameters<Boxlite['create']>[0];
export type ClientExecution = Awaited<ReturnType<ClientBox['exec']>>;

/** The client in REST mode, as its user has it. */
export function connectTo({ url, key }: { readonly url: string; readonly key: string }, pathPrefix?: string): Boxlite {
  const credential = new ApiKeyCredential(key);
  return JsBoxlite.rest(
    new BoxliteRestOptions({ url, credential, ...(pathPrefix === undefined ? {} : { pathPrefix }) }),
  );
}

/** Everything that a stream of an execution gives, until its end. */
export async function textOf(stream: { next(): Promise<string | null> }): Promise<string> {
  let text = '';
  for (let piece = await stream.next(); piece !== null; piece = await stream.next()) text += piece;
  return text;
}

/** Runs a command of a shell in a box. Rejects when it fails. */
export async function shell(box: ClientBox, command: string): Promise<string> {
  const execution = await box.exec('sh', ['-c', command]);
  const [stdout, stderr] = await Promise.all([textOf(await execution.stdout()), textOf(await execution.stderr())]);
  const { exitCode } = await execution.wait();
  if (exitCode !== 0) throw new Error(`${command}: exit code ${exitCode}: ${stderr}`);
  return stdout;
}
