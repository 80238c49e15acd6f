import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { closeFd, duplicateFd, seqpacketPair } from '@hatchery/linux';
import { goldenEncode } from '../wire/golden-encode.ts';
import { type SandboxFixture, TestSandbox } from './sandbox-fixture.ts';

/** Wire versions before the present one whose shim was kept. */
export const previousVersions: readonly number[] = [1, 2, 3];

function golden(version: number): string {
  return join(import.meta.dirname, `../fixtures/shim-wire-${version}-linux-${process.arch}.gz`);
}

/** Null where the tests with it can run. */
export const noPreviousShim: string | null = previousVersions.every((version) => existsSync(golden(version)))
  ? null
  : `shims of earlier wire versions were kept for x64 only, this machine is ${process.arch}`;

/** The kept shim as a program in `directory`; its path. */
export function unpackPreviousShim(directory: string, version: number): string {
  const path = join(directory, `shim-wire-${version}`);
  if (!existsSync(path)) writeFileSync(path, gunzipSync(readFileSync(golden(version))), { mode: 0o755 });
  return path;
}

/** A sandbox as the runtime of that wire version left it: made, started, its executions' connection still open. */
export async function previousSandbox(
  fixture: SandboxFixture,
  version: number,
  orphanMs = 60_000,
): Promise<TestSandbox> {
  const { peer } = fixture.rawZygote(unpackPreviousShim(fixture.directory, version), version);
  const unified = fixture.open(fixture.cgroup.path);
  peer.tell('configure', 1, { probes: 0, unified, memory: null, cpu: null, pids: null });
  await peer.expect('configured');
  const [ours, theirs] = seqpacketPair();
  const request = fixture.makeRequest(theirs);
  const sandbox = new TestSandbox(fixture, request, ours, version);
  fixture.release(() => sandbox.init.close());
  const { data, fds } = goldenEncode(version, 'make', 2, { ...request });
  peer.send(data, fds);
  closeFd(theirs);
  const { message } = await peer.expect('made');
  const made = fixture.took(request.id, { ...message, pidfd: duplicateFd(message.pidfd) });
  sandbox.pid = made.pid;
  sandbox.pidfd = made.pidfd;
  fixture.own((await sandbox.init.parked).root);
  await sandbox.start({ orphanMs });
  return sandbox;
}
