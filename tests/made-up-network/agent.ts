/** Runs in a network namespace and does there what it is told: servers, and attempts whose outcome and duration it tells. */
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';

type Task =
  | { do: 'serve'; port: number; addresses: string[] }
  | { do: 'tcp'; address: string; port: number }
  | { do: 'udp'; address: string; port: number }
  | { do: 'ping'; address: string }
  | { do: 'hold'; address: string; port: number }
  | { do: 'held' }
  | { do: 'received' }
  | { do: 'run'; command: string[] };

/** Datagrams. */
let received = 0;
let held: { socket: Socket; end: Promise<string> } | null = null;

function attempt(act: (done: (outcome: string) => void) => void): Promise<{ outcome: string; ms: number }> {
  const start = performance.now();
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ outcome: 'no answer', ms: 3000 }), 3000);
    act((outcome) => {
      clearTimeout(timer);
      resolve({ outcome, ms: performance.now() - start });
    });
  });
}

/** ICMP without privileges, as ping_group_range allows; the error queue says what came back. */
const pingProgram = `
import errno, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
s.settimeout(2)
s.connect((sys.argv[1], 0))
s.send(bytes([8, 0, 0, 0, 0, 0, 0, 1]))
try:
  s.recv(100)
  print('reached')
except TimeoutError: print('no answer')
except OSError as error: print(errno.errorcode[error.errno])
`;

const code = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

async function perform(task: Task): Promise<unknown> {
  if (task.do === 'serve') {
    const tcp = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(socket.remoteAddress ?? '');
      socket.on('data', (data) => socket.write(data));
    });
    await new Promise<void>((resolve, reject) => tcp.on('error', reject).listen(task.port, '0.0.0.0', resolve));
    // A socket for each address: an answer comes from the one that was asked.
    for (const local of task.addresses) {
      const udp = createSocket('udp4');
      udp.on('message', (data, { address, port }) => {
        received += 1;
        udp.send(data, port, address);
      });
      await new Promise<void>((resolve, reject) => udp.on('error', reject).bind(task.port, local, resolve));
    }
    return null;
  }
  if (task.do === 'received') return received;
  if (task.do === 'tcp') {
    return attempt((done) => {
      const socket = connect(task.port, task.address);
      socket.on('data', (data) => {
        done(`reached, seen as ${data.toString()}`);
        socket.destroy();
      });
      socket.on('error', (error) => done(code(error)));
    });
  }
  if (task.do === 'udp') {
    const socket = createSocket('udp4');
    const result = await attempt((done) => {
      socket.on('error', (error) => done(code(error)));
      socket.on('message', () => done('reached'));
      socket.connect(task.port, task.address, () =>
        socket.send('hello', (error) => error !== null && done(code(error))),
      );
    });
    socket.close();
    return result;
  }
  if (task.do === 'ping') {
    return attempt((done) => {
      execFile('python3', ['-c', pingProgram, task.address], (_error, stdout) => done(stdout.trim()));
    });
  }
  if (task.do === 'hold') {
    const socket = connect(task.port, task.address);
    const end = new Promise<string>((resolve) => {
      socket.on('error', (error) => resolve(code(error)));
      socket.on('end', () => resolve('end'));
    });
    await new Promise((resolve) => socket.once('data', resolve));
    held = { socket, end };
    return null;
  }
  if (task.do === 'held') {
    // It speaks, too: a connection that is allowed still carries bytes both ways.
    const echo = new Promise<string>((resolve) => held?.socket.once('data', () => resolve('carries')));
    held?.socket.write('more');
    return Promise.race([held?.end, echo]);
  }
  return new Promise((resolve) => {
    const [file = '', ...rest] = task.command;
    execFile(file, rest, (error, stdout, stderr) => resolve(error === null ? stdout : `failed: ${stderr}`));
  });
}

process.on('message', ({ id, task }: { id: number; task: Task }) => {
  perform(task).then(
    (value) => process.send?.({ id, value }),
    (error: unknown) => process.send?.({ id, error: code(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ id: 0, value: null });
