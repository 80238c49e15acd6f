#!/usr/bin/env node
// Plain JavaScript for any Node: an old one cannot even parse what it cannot run, so it hands over before that.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
const main = new URL('../dist/main.js', import.meta.url);

if (major > 24 || (major === 24 && minor >= 11)) await import(main.href);
else handOver();

function handOver() {
  const node = findNode();
  if (node === null) {
    process.stderr.write(
      `hatchery: Node ${process.versions.node} is too old, 24.11 or newer is needed; install it, or the package node-linux-${process.arch} beside hatchery\n`,
    );
    process.exit(125);
  }
  const args = [fileURLToPath(main), ...process.argv.slice(2)];
  if (typeof process.execve === 'function') process.execve(node, [node, ...args], process.env);
  const child = spawn(node, args, { stdio: 'inherit' });
  child.on('error', (error) => {
    process.stderr.write(`hatchery: cannot start ${node}: ${error.message}\n`);
    process.exit(125);
  });
  // A terminal sends these two to the child as well: passing them on would count as a second signal there.
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function findNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-linux-${process.arch}/package.json`);
    return join(dirname(manifest), 'bin', 'node');
  } catch {
    return null; // not installed for this architecture
  }
}
