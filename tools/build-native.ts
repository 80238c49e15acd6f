// usage: node tools/build-native.ts [x64|arm64 ...]
//
// Builds the native parts of those machines (default: both) and puts them into the packages that carry them. This machine's
// own are built by CC, or else cc; those of the other need a cross compiler (Debian: gcc-aarch64-linux-gnu with
// libc6-dev-arm64-cross, or gcc-x86-64-linux-gnu with libc6-dev-amd64-cross).
import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const BUILDS = ['packages/linux/native/build.sh', 'packages/zygote-ipc/native/build.sh'];
const CROSS_COMPILERS: Readonly<Record<string, string>> = {
  arm64: 'aarch64-linux-gnu-gcc',
  x64: 'x86_64-linux-gnu-gcc',
};

async function build(machine: string): Promise<void> {
  const crossCompiler = CROSS_COMPILERS[machine];
  if (crossCompiler === undefined) throw new Error(`"${machine}" is no machine that hatchery is built for`);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: join(root, 'node_modules/.bin') + delimiter + (process.env['PATH'] ?? ''),
    ARCH: machine,
    CC: machine === process.arch ? process.env['CC'] || 'cc' : crossCompiler,
  };
  for (const script of BUILDS) {
    const { stdout, stderr } = await run('sh', [join(root, script)], { env });
    process.stdout.write(stdout + stderr);
  }
}

const machines = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(CROSS_COMPILERS);
try {
  await Promise.all(machines.map(build));
  const stage = await run(process.execPath, [join(root, 'tools/stage-package.ts'), '--native']);
  process.stdout.write(stage.stdout + stage.stderr);
} catch (error) {
  const { message, stderr } = error as { message: string; stderr?: string };
  console.error(`build-native: ${stderr?.trim() || message}`);
  process.exitCode = 1;
}
