import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { busyboxInto } from './busybox-root.ts';
import { installedPackages, readRecipe, startWords } from './container-recipe.ts';
import { filesOf } from './debian-packages.ts';
import { podTemplate } from './pod-template.ts';

const recipe = readRecipe();
const image = recipe.at(-1);
const { mounts, container } = podTemplate();

/**
 * Makes the container's mounts and goes where nothing but them is seen, as a container engine does. Its root is an overlay, as
 * theirs are. The words after the two directories: pairs of a mount's source and its place, `--`, and what becomes PID 1.
 */
const enter = `set -eu
image=$1; root=$2; shift 2
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$image,upperdir=$root/upper,workdir=$root/work" "$root/merged"
mount -t proc proc "$root/merged/proc"
mount --rbind /sys "$root/merged/sys"
while [ "$1" != -- ]; do
  mount --rbind "$1" "$root/merged$2"
  shift 2
done
shift
ip link set lo up
cd "$root/merged"
pivot_root . old
umount -l /old
exec "$@"`;

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * What deploy/Containerfile makes and deploy/hatchery-daemonset.yaml starts, with no container engine: a root with nothing in it but the
 * libraries and programs that the recipe calls, the runner where the recipe copies it, and the mounts and arguments of the pod. In a
 * pid, a mount and a network namespace of its own, on the host's cgroups.
 */
export class BareRoot {
  readonly instance: string = `bare-${process.pid}`;
  /** Roots that can be made templates of: the pod's volume `images`, on this host. */
  readonly images: string;
  readonly log: string[] = [];
  /** Files that a package has to have brought, by the names that they were copied from. */
  readonly borrowed: Set<string> = new Set();
  readonly #image: string;
  readonly #directory: string;
  #child: ChildProcess | null = null;
  #exited: Promise<unknown> = Promise.resolve();

  constructor(staged: string) {
    // Beside it, so that the copy of it can be one of links.
    this.#image = join(dirname(staged), 'image');
    // In memory: idmapped mounts go there, as on an ordinary file system.
    this.#directory = mkdtempSync('/dev/shm/hatchery-test-bare-');
    for (const name of ['merged', 'volumes']) mkdirSync(join(this.#directory, name));
    this.images = this.#volume('images');
    this.#makeBase();
    for (const { keyword, words, from } of image?.steps ?? []) {
      if (keyword === 'COPY' && from !== null) this.#copy(staged, words.at(-1) ?? '');
      if (keyword === 'RUN' && words[0] === 'ln') this.#run(words);
    }
    for (const { mount } of mounts) mkdirSync(this.#path(mount.mountPath), { recursive: true });
    this.#makeCertificate();
  }

  /** A file of the image, on this host. Writing to it once a container runs is not seen by it for certain. */
  #path(inside: string): string {
    return join(this.#image, inside);
  }

  #volume(name: string): string {
    return join(this.#directory, 'volumes', name);
  }

  #makeBase(): void {
    for (const name of ['bin', 'dev', 'etc', 'old', 'proc', 'run', 'sys', 'tmp', 'usr/bin', 'usr/local/bin', 'var/lib'])
      mkdirSync(this.#path(name), { recursive: true });
    busyboxInto(this.#path('bin'));
    const installed = image === undefined ? [] : installedPackages(image).flatMap(filesOf);
    for (const path of installed) this.#borrow(path, 'installed');
    this.#borrow('/usr/bin/setpriv');
    for (const { volume } of mounts) if (volume?.hostPath?.path !== '/dev') mkdirSync(this.#volume(volume?.name ?? ''));
  }

  /** Copies a file of this host, with the libraries that it is linked with if it is a program; or those alone. One that is installed is known to be there. */
  #borrow(file: string, what: 'all' | 'libraries' | 'installed' = 'all'): void {
    const { stdout } = spawnSync('ldd', [file], { encoding: 'utf8' });
    const linked = stdout.match(/\/\S+(?= \(0x)/g) ?? [];
    for (const path of what === 'libraries' ? linked : [file, ...linked]) {
      mkdirSync(dirname(this.#path(path)), { recursive: true });
      copyFileSync(realpathSync(path), this.#path(path));
      if (path !== file || what !== 'installed') this.borrowed.add(path);
    }
  }

  #copy(staged: string, to: string): void {
    mkdirSync(dirname(this.#path(to)), { recursive: true });
    execFileSync('cp', ['-al', staged, this.#path(to)]);
    this.#borrow(join(staged, 'bin/node'), 'libraries');
  }

  #run(words: readonly string[]): void {
    execFileSync('chroot', [this.#image, ...words]);
  }

  #makeCertificate(): void {
    const tls = this.#volume(mounts.find(({ volume }) => volume?.secret !== undefined)?.mount.name ?? '');
    const key = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      join(tls, 'tls.key'),
    ];
    const words = ['req', '-x509', ...key, '-out', join(tls, 'tls.crt'), '-subj', '/CN=hatchery.example'];
    execFileSync('openssl', words, { stdio: 'pipe' });
  }

  /** Starts the container; resolves once its server listens, with the milliseconds that took. */
  async start(): Promise<number> {
    const where = mounts.flatMap(({ mount, volume }) => {
      return [volume?.hostPath?.path === '/dev' ? '/dev' : this.#volume(mount.name), mount.mountPath];
    });
    // One that is started again has nothing of the container before it but its mounts.
    for (const name of ['upper', 'work']) {
      rmSync(join(this.#directory, name), { recursive: true, force: true });
      mkdirSync(join(this.#directory, name));
    }
    const { entry } = startWords(recipe);
    const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const environment = ['/bin/env', '-i', `PATH=${path}`, `HATCHERY_INSTANCE=${this.instance}`];
    const words = [this.#image, this.#directory, ...where, '--', ...environment, ...entry, ...(container.args ?? [])];
    const namespaces = ['--mount', '--pid', '--net', '--fork', '--kill-child=KILL'];
    const started = performance.now();
    const child = spawn('unshare', [...namespaces, 'sh', '-c', enter, 'sh', ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    this.#exited = once(child, 'exit');
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stderr })
        .on('line', (line) => {
          this.log.push(line);
          if (line.includes('"msg":"listening"')) resolve();
        })
        .on('close', () => reject(new Error(`the container ended: ${this.log.join('\n')}`)));
    });
    return performance.now() - started;
  }

  /** The pid of its PID 1, as the host sees it. */
  get #pid(): number {
    const { pid } = this.#child ?? {};
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ')[0]);
  }

  /** Runs a program inside, as `kubectl exec` does. */
  async exec(...words: readonly string[]): Promise<Ended> {
    const enterWords = [`--target=${this.#pid}`, '--mount', '--pid', '--net', '--root', '--wd', ...words];
    try {
      return {
        code: 0,
        ...(await promisify(execFile)('nsenter', enterWords, { env: { PATH: '/usr/local/bin:/usr/bin:/bin' } })),
      };
    } catch (error) {
      const { code, stdout, stderr } = error as Ended;
      return { code, stdout, stderr };
    }
  }

  /** Ends it as a container engine does: a signal for PID 1. Resolves when the last process in it is gone. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    process.kill(this.#pid, signal);
    await this.#exited;
    this.#child = null;
  }

  /** Directories of its instance in the host's cgroups. */
  cgroups(): string[] {
    const hierarchies = ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`)];
    return hierarchies.map((path) => join(path, 'hatchery', this.instance)).filter((path) => existsSync(path));
  }

  /** Ends it whatever it does, and removes all of it. */
  async remove(): Promise<void> {
    if (this.#child !== null) {
      this.#child.kill('SIGKILL');
      await this.#exited;
    }
    rmSync(this.#directory, { recursive: true, force: true });
    for (const path of this.cgroups())
      execFileSync('find', [path, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']);
  }
}
