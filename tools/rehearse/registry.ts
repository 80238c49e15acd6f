import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

interface Version {
  readonly version: string;
  readonly dist: { readonly integrity: string; readonly tarball: string };
}

/** What a client sends to publish, and what it gets when it asks for a package. */
interface Packument {
  readonly name: string;
  readonly 'dist-tags': Record<string, string>;
  readonly versions: Record<string, Version>;
  readonly _attachments?: Readonly<Record<string, { readonly data: string }>>;
}

/**
 * An npm registry on loopback, in memory, that knows what is published to it and nothing else: publish, packuments and tarballs.
 * It refuses what the public one refuses: no token, a version that is there, a tarball that is not what its manifest says.
 */
export class Registry {
  readonly token = 'rehearsal';
  readonly #server: Server;
  readonly #packuments = new Map<string, Packument>();
  readonly #tarballs = new Map<string, Buffer>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Registry> {
    const server = createServer();
    const registry = new Registry(server);
    server.on('request', (request: IncomingMessage, response) => {
      void registry
        .#answer(request)
        .catch((error: unknown) => ({ status: 500, body: { error: String(error) } }))
        .then(({ status, body }) => {
          const isTarball = Buffer.isBuffer(body);
          // A later rehearsal may have the same port, and the same versions with other bytes.
          response.setHeader('cache-control', 'no-store');
          response.writeHead(status, { 'content-type': isTarball ? 'application/octet-stream' : 'application/json' });
          response.end(isTarball ? body : JSON.stringify(body));
        });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  /** With a slash at its end, as npm writes it. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Lines of an `.npmrc` with which the packages of a scope are asked of this registry, and published to it. */
  npmrc(scope: string): string {
    return `${scope}:registry=${this.url}\n${this.url.replace('http:', '')}:_authToken=${this.token}\n`;
  }

  /** What has been published, by `name@version`. */
  get tarballs(): ReadonlyMap<string, Buffer> {
    return this.#tarballs;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: object | Buffer }> {
    const path = decodeURIComponent(new URL(request.url ?? '/', this.url).pathname).slice(1);
    if (request.method === 'PUT') return this.#publish(request, JSON.parse(String(await buffer(request))) as Packument);
    const tarball = this.#tarballs.get(path.replace(/^(.+)\/-\/(.+)\.tgz$/, '$1@$2'));
    if (tarball !== undefined) return { status: 200, body: tarball };
    const packument = this.#packuments.get(path);
    if (packument !== undefined) return { status: 200, body: packument };
    return { status: 404, body: { error: `there is no ${path}` } };
  }

  #publish(request: IncomingMessage, sent: Packument): { status: number; body: object } {
    if (request.headers.authorization !== `Bearer ${this.token}`) return { status: 401, body: { error: 'no token' } };
    const known = this.#packuments.get(sent.name)?.versions ?? {};
    const [manifest] = Object.values(sent.versions);
    const [attachment] = Object.values(sent._attachments ?? {});
    if (manifest === undefined || attachment === undefined)
      return { status: 400, body: { error: 'no version is sent' } };
    const { version, dist } = manifest;
    if (version in known) return { status: 403, body: { error: `cannot publish over ${sent.name}@${version}` } };
    const bytes = Buffer.from(attachment.data, 'base64');
    const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    if (dist.integrity !== integrity) return { status: 400, body: { error: `the tarball is ${integrity}` } };
    const tarball = `${this.url}${sent.name}/-/${version}.tgz`;
    const versions = { ...known, [version]: { ...manifest, dist: { ...dist, tarball } } };
    this.#packuments.set(sent.name, { name: sent.name, 'dist-tags': sent['dist-tags'], versions });
    this.#tarballs.set(`${sent.name}@${version}`, bytes);
    return { status: 201, body: { ok: true } };
  }
}
