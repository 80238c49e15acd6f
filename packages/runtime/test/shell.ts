import type { ExecOptions, Sandbox } from '../src/index.ts';

/** What a shell script prints inside, without the last newline. Its failure is the test's. */
export async function shell(sandbox: Sandbox, script: string, options: ExecOptions = {}): Promise<string> {
  const result = await sandbox.run(['sh', '-c', script], options);
  if (result.exitCode === 0) return result.stdout.toString('latin1').replace(/\n$/, '');
  throw new Error(
    `${script}: ${JSON.stringify({ ...result, stdout: String(result.stdout), stderr: String(result.stderr) })}`,
  );
}
