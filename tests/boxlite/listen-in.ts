import type { ClientBox } from './client.ts';
import { shell } from './client.ts';

const program = `
import os, socketserver, sys
port = int(sys.argv[1])
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        heard = self.rfile.read()
        with open(f'/tmp/heard-{port}.new', 'wb') as file: file.write(heard)
        os.rename(f'/tmp/heard-{port}.new', f'/tmp/heard-{port}')
        self.wfile.write(b'heard ' + heard)
with Server(('127.0.0.1', port), Handler) as server:
    open(f'/tmp/listens-{port}', 'w').close()
    server.serve_forever()
`;

/**
 * A server in the box, on loopback alone: of each connection it reads to the end, and answers `heard ` and what it has read.
 * What the last one said is in `/tmp/heard-<port>`, too. Resolves when it listens; one that is there already is fine.
 */
export async function listenIn(box: ClientBox, port: number): Promise<void> {
  const begin = `test -e /tmp/listens-${port} || { python3 -c "$1" ${port} >/tmp/log-${port} 2>&1 </dev/null & }`;
  const wait = `until test -e /tmp/listens-${port}; do sleep 0.05; done`;
  const execution = await box.exec('sh', ['-c', `${begin}; ${wait}`, 'sh', program], null, false, null, 50);
  const { exitCode } = await execution.wait();
  if (exitCode !== 0) throw new Error(`the server does not listen: ${await shell(box, `cat /tmp/log-${port}`)}`);
}
