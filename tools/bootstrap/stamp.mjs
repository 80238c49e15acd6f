import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What the set-up was made from and what it made: `.hatchery/stamp.json`. Each stage keeps a list of its input files as
 * `path size mtime` lines, so that a later run compares strings and reads no file's content.
 */
export const STATE_DIRECTORY = '.hatchery';
const STAMP = join(STATE_DIRECTORY, 'stamp.json');

const INSTALL_INPUTS = ['pnpm-lock.yaml', 'pnpm-workspace.yaml'];
// What signs the shim at the end of its build, and what it signs besides the bytes.
const SIGNING_INPUTS = [
  'tools/sign-shim.ts',
  'packages/runtime/src/open/release-keys.ts',
  'packages/zygote-ipc/package.json',
];
const BUILD_INPUTS = ['tsconfig.base.json', 'tsconfig.build.json'];
const NODE = 'node_modules/.bin/node';
const ALWAYS_BUILT = 'apps/runner/dist/main.js';

export function projectDirectories(root) {
  const found = [];
  for (const group of ['packages', 'apps']) {
    for (const entry of readdirSync(join(root, group), { withFileTypes: true })) {
      if (entry.isDirectory()) found.push(`${group}/${entry.name}`);
    }
  }
  return found.sort();
}

/** `{ install, native, build }`: the input lists as they are now. */
export function inputsNow(root) {
  const native = [];
  const build = [];
  for (const input of BUILD_INPUTS) addFile(root, input, build);
  for (const input of SIGNING_INPUTS) addFile(root, input, native);
  addTree(root, 'packages/shim-signing/src', native);
  addTree(root, 'tools/sign-shim', native);
  for (const directory of projectDirectories(root)) {
    addFile(root, `${directory}/tsconfig.json`, build);
    addFile(root, `${directory}/package.json`, build);
    addTree(root, `${directory}/src`, build);
    addTree(root, `${directory}/native`, native);
  }
  const install = [];
  for (const input of INSTALL_INPUTS) addFile(root, input, install);
  return { install: install.join('\n'), native: native.join('\n'), build: build.join('\n') };
}

/** The files that the stages have left so far. */
export function outputsNow(root) {
  const outputs = [];
  for (const directory of projectDirectories(root)) {
    const library = `${directory}/dist/index.js`;
    if (exists(root, library)) outputs.push(library);
    for (const line of treeOf(root, `${directory}/build`)) outputs.push(line.slice(0, line.indexOf('\0')));
  }
  return outputs;
}

export function readStamp(root) {
  try {
    return JSON.parse(readFileSync(join(root, STAMP), 'utf8'));
  } catch {
    // Absent in a fresh clone; torn or hand-edited means the same: redo the set-up.
    return null;
  }
}

export function writeStamp(root, stamp) {
  mkdirSync(join(root, STATE_DIRECTORY), { recursive: true });
  const temporary = join(root, `${STAMP}.${process.pid}`);
  writeFileSync(temporary, JSON.stringify(stamp));
  renameSync(temporary, join(root, STAMP));
}

export function isCurrent(root) {
  return staleStages(root, readStamp(root)).length === 0;
}

/** Which of `install`, `native`, `build` must be redone, in that order. */
export function staleStages(root, stamp) {
  const now = inputsNow(root);
  if (stamp === null || stamp.outputs === undefined) return Object.keys(now);
  const missing = [NODE, ALWAYS_BUILT, ...stamp.outputs].filter((output) => !exists(root, output));
  const isNative = (path) => path.includes('/build/');
  const lost = {
    install: missing.some((path) => path.startsWith('node_modules/')),
    native: missing.some(isNative),
    build: missing.some((path) => path.includes('/dist/')),
  };
  return Object.keys(now).filter((stage) => lost[stage] || now[stage] !== stamp[stage]);
}

function exists(root, path) {
  return statSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
}

function addFile(root, path, lines) {
  const stat = statSync(join(root, path), { throwIfNoEntry: false });
  if (stat !== undefined) lines.push(`${path}\0${stat.size} ${stat.mtimeMs}`);
}

function addTree(root, path, lines) {
  for (const line of treeOf(root, path)) lines.push(line);
}

function treeOf(root, path) {
  const lines = [];
  let entries;
  try {
    entries = readdirSync(join(root, path), { withFileTypes: true });
  } catch {
    // A package without C has no native/, one without a native build no build/.
    return lines;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const child = `${path}/${entry.name}`;
    if (entry.isDirectory()) lines.push(...treeOf(root, child));
    else addFile(root, child, lines);
  }
  return lines;
}
