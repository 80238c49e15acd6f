// usage: npm run base [-- DIRECTORY]
//
// The long form of the tests of `hatchery image base`: builds `base` from Debian's packages into the data directory
// DIRECTORY (a temporary one if left out), after a build that is killed in the middle, and looks in a sandbox for each
// thing that clients of E2B expect of it. Prints what is missing, and how to run the tests of tests/e2b on it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Runtime, type Sandbox } from '@hatchery/runtime';

const main = fileURLToPath(new URL('../apps/runner/dist/main.js', import.meta.url));
const [given] = process.argv.slice(2);
const dataDirectory = given === undefined ? mkdtempSync(join(tmpdir(), 'hatchery-base-')) : resolve(given);

/** Runs the build; `until`: kills it at the first line with that text. Resolves with its exit code, null when killed. */
async function build(until?: string): Promise<number | null> {
  const words = [main, 'image', 'base', '--data-directory', dataDirectory];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  createInterface({ input: child.stderr }).on('line', (line) => {
    console.log(`  ${line}`);
    if (until !== undefined && line.includes(until)) child.kill('SIGKILL');
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

/** What is run in it, as whom, and what it must say. */
const expected: readonly (readonly [user: string, command: string, says: RegExp])[] = [
  ['user', 'whoami; pwd; echo $HOME', /^user\n\/home\/user\n\/home\/user\n$/],
  ['user', 'getent passwd user; getent group user', /^user:x:1000:1000::\/home\/user:\/bin\/bash\nuser:x:1000:\n$/],
  ['user', 'sudo -n whoami', /^root\n$/],
  ['user', 'realpath /usr/../etc; readlink /proc/self/exe', /^\/etc\n.*readlink\n$/],
  ['user', 'curl --version; ls /etc/ssl/certs/ca-certificates.crt', /^curl 7(.|\n)*ca-certificates.crt\n$/],
  ['user', 'git --version; ls /usr/lib/git-core/git-daemon', /^git version .*\n.*git-daemon\n$/],
  ['user', 'python3 --version; python --version', /^Python 3.*\nPython 3.*\n$/],
  ['user', 'TERM=xterm-256color tput colors', /^256\n$/],
  ['user', 'ps -o comm= -p $$; true', /^bash\n$/],
  ['user', "python3 -c \"import os; os.setxattr('f', 'user.e2b.a', b'1'); print(os.listxattr('f'))\"", /user\.e2b\.a/],
  ['user', 'touch /code/x /usr/local/x && echo made', /^made\n$/],
  ['root', 'whoami; touch /x && echo made', /^root\nmade\n$/],
  ['root', 'cat /etc/hostname /etc/resolv.conf', /^sandbox\nnameserver 127\.0\.0\.1\n$/],
  ['root', 'ls /usr/bin/mcp-gateway /usr/local/bin/mcp-gateway; true', /^$/],
];

async function lookInto(sandbox: Sandbox): Promise<string[]> {
  const wrong: string[] = [];
  await sandbox.run(['touch', '/home/user/f'], { user: 'user' });
  for (const [user, command, says] of expected) {
    const cwd = user === 'user' ? '/home/user' : '/';
    const { stdout, stderr } = await sandbox.run(['/bin/bash', '-l', '-c', command], { user, cwd });
    if (!says.test(stdout.toString())) wrong.push(`${user}: ${command}: ${stdout.toString()}${stderr.toString()}`);
  }
  return wrong;
}

const wrong: string[] = [];
const images = join(dataDirectory, 'images');
const built = (): string[] => readdirSync(images).filter((name) => name.startsWith('base-'));
try {
  console.log('a build that is killed in the middle');
  await build('unpacking packages');
  if (built().length > 0) wrong.push(`a killed build left ${built().join(', ')}`);
  console.log('a build');
  const started = performance.now();
  const code = await build();
  console.log(`ended with ${code} after ${((performance.now() - started) / 1000).toFixed(0)} s`);
  const [name = ''] = built();
  if (readdirSync(images).some((entry) => entry.startsWith('building-'))) wrong.push('the killed build is still there');
  const image = join(images, name, 'root');
  if (code !== 0 || !existsSync(image)) throw new Error('base was not built');
  await using runtime = await Runtime.open({ runDirectory: join(dataDirectory, 'run'), dataDirectory });
  await using sandbox = await runtime.create({ image, noNewPrivileges: false });
  wrong.push(...(await lookInto(sandbox)));
  if (given !== undefined)
    console.log(`HATCHERY_BASE_ROOT=${image} npx vitest run --project kernel tests/e2b   runs the clients on it`);
} finally {
  if (given === undefined) rmSync(dataDirectory, { recursive: true, force: true });
}
for (const fault of wrong) console.log(`wrong: ${fault}`);
console.log(`${expected.length} looked at, ${wrong.length} wrong`);
if (wrong.length > 0) process.exitCode = 1;
