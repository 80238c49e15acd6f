import { cloneTree, closeFd, currentDirectory, seqpacketPair } from '@hatchery/linux';
import { describe, expect, test } from 'vitest';
import { ChannelClosedError, InitConnection, WireError } from '../src/index.ts';
import { encode } from '../src/wire/encode.ts';
import { RawPeer } from './kernel/raw-peer.ts';
import { countDescriptors, SandboxFixture, token } from './kernel/sandbox-fixture.ts';
import { untilIdle } from './kernel/until-idle.ts';

interface Nonsense {
  readonly what: string;
  readonly data: Uint8Array;
  readonly fds: readonly number[];
  /** What the answer names. */
  readonly seen: RegExp;
}

const bootId = '0b9f5e2a-3c4d-4e5f-8a9b-abcdefabcdef';

function patched(data: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = Buffer.from(data);
  copy.writeUInt16LE(value, offset);
  return copy;
}

/** What neither shim mode takes; `fd` is sent where descriptors are. */
function nonsense(fd: number): Nonsense[] {
  const ping = encode('ping', 7, {}).data;
  const wrongKind = encode('pong', 7, {}).data;
  return [
    { what: 'a message of the wrong kind', data: wrongKind, fds: [fd], seen: /pong/ },
    { what: 'an unknown tag', data: patched(ping, 0, 4095), fds: [fd], seen: /tag 4095/ },
    { what: 'another version', data: patched(ping, 2, 99), fds: [fd], seen: /version 99/ },
    { what: 'a descriptor too many', data: ping, fds: [fd], seen: /1 .*0|0 .*1/ },
    { what: 'three bytes', data: Buffer.from('abc'), fds: [fd], seen: /3 bytes/ },
    {
      what: 'a datagram over the limit (MSG_TRUNC)',
      data: Buffer.alloc(70_000),
      fds: [fd],
      seen: /more than 65536 bytes/,
    },
    {
      what: 'more descriptors than fit (MSG_CTRUNC)',
      data: ping,
      fds: Array<number>(100).fill(fd),
      seen: /MSG_CTRUNC/,
    },
  ];
}

describe.each(['hatchery-shim', 'hatchery-shim-asan'] as const)('%s', (variant) => {
  const fixture = new SandboxFixture(variant);

  // Mutation: packet_close left out of on_socket, or of the branch for a bad message.
  test('inv-27: the zygote answers nonsense with what it saw, closes what came with it and takes the next request', async () => {
    const { pid, peer } = fixture.rawZygote();
    const directory = fixture.open(fixture.cgroup.path);
    const configure = { probes: 0, unified: directory, memory: null, cpu: null, pids: null };
    const make = fixture.makeRequest(fixture.nothing);
    peer.tell('make', 2, make);
    expect(await peer.expect('failed')).toMatchObject({
      request: 2,
      message: { step: 'check the request', text: 'make before configure' },
    });
    peer.tell('configure', 3, configure);
    await peer.expect('configured');
    untilIdle(pid);
    const before = countDescriptors(pid);
    for (const { what, data, fds, seen } of nonsense(fixture.nothing)) {
      peer.send(data, fds);
      const { message } = await peer.expect('failed');
      expect(message, what).toMatchObject({ step: 'protocol', text: expect.stringMatching(seen) });
      peer.tell('ping', 8, {});
      expect(await peer.expect('pong'), what).toMatchObject({ request: 8 });
      untilIdle(pid);
      expect(countDescriptors(pid), what).toBe(before);
    }
    peer.tell('configure', 4, configure);
    expect(await peer.expect('failed')).toMatchObject({
      request: 4,
      message: { step: 'configure', text: 'configure: asked before' },
    });
    peer.send(encode('make', 5, make).data, [fixture.nothing]);
    expect((await peer.expect('failed')).message.step).toBe('protocol');
    untilIdle(pid);
    expect(countDescriptors(pid)).toBe(before);
  });

  // Mutation: packet_close left out of on_client for a bad message.
  test('inv-27: init answers nonsense with what it saw, closes what came with it and takes the next request', async () => {
    const zygote = await fixture.zygote();
    const [ours, theirs] = seqpacketPair();
    const peer = fixture.candidate(ours);
    const request = fixture.makeRequest(theirs);
    const { pid } = fixture.took(request.id, await zygote.make(request));
    closeFd(theirs);
    await peer.expect('parked');
    const work = fixture.open(`${fixture.cgroup.path}/${request.id}/work`);
    untilIdle(pid);
    const parked = countDescriptors(pid);
    const start = { hostname: 'h', token, epoch: 1, orphanMs: 0, work, volumeTargets: [], volumes: [] };
    const volumes = Array.from({ length: 64 }, () => fixture.nothing);
    peer.tell('start', 1, { ...start, volumeTargets: volumes.map((_, index) => `/volume-${index}`), volumes });
    expect((await peer.expect('failed')).message).toMatchObject({ step: 'mount the volumes', errno: 22 });
    untilIdle(pid);
    expect(countDescriptors(pid)).toBe(parked);
    peer.tell('start', 1, start);
    await peer.expect('ready');
    untilIdle(pid);
    const before = countDescriptors(pid);
    const more = [
      {
        what: 'a second start',
        ...encode('start', 9, start),
        seen: /started before/,
      },
      { what: 'hello on a connection that is taken', ...encode('hello', 9, { token, epoch: 1 }), seen: /hello/ },
    ];
    for (const { what, data, fds, seen } of [...nonsense(fixture.nothing), ...more]) {
      peer.send(data, fds);
      const { message } = await peer.expect('failed');
      expect(message, what).toMatchObject({ text: expect.stringMatching(seen) });
      if (!what.startsWith('a second')) expect(message.step, what).toBe('protocol');
      peer.tell('ping', 8, {});
      expect(await peer.expect('pong'), what).toMatchObject({ request: 8 });
      untilIdle(pid);
      expect(countDescriptors(pid), what).toBe(before);
    }
  });

  // Mutation: O_NONBLOCK left on the zygote's socket: answers beyond its buffer are lost.
  test('a zygote loses no answer when requests come faster than the runtime reads', async () => {
    const zygote = await fixture.zygote();
    await Promise.all(Array.from({ length: 3000 }, () => zygote.ping()));
  });

  // Mutation: drop the test of the first target in make.c's check().
  test('a make that cannot be done names its step and leaves no cgroup, and the next one works', async () => {
    const zygote = await fixture.zygote();
    const first = await fixture.sandbox(zygote);
    const layer = (): number => fixture.own(cloneTree(currentDirectory, fixture.image));
    const wrong = [
      [{ id: 'a/b' }, { step: 'check the request', code: 'EINVAL' }],
      [{ id: '..' }, { step: 'check the request', code: 'EINVAL' }],
      [{ firstId: 0 }, { step: 'check the request', code: 'EINVAL' }],
      [{ firstId: 65_537 }, { step: 'check the request', code: 'EINVAL' }],
      [{ rootBytes: 0 }, { step: 'check the request', code: 'EINVAL' }],
      [{ layerTargets: ['/usr'] }, { step: 'check the request', code: 'EINVAL' }],
      ...['', 'x'.repeat(36), bootId.toUpperCase(), bootId.slice(1), `${bootId.slice(1)}-`].map(
        (text) => [{ bootId: text }, { step: 'check the request', text: `boot id "${text}"` }] as const,
      ),
      [{ layerTargets: ['/', '/usr'] }, { step: 'check the request', code: 'EINVAL' }],
      [
        { layerTargets: ['/', 'usr'], layers: [layer(), layer()] },
        { step: 'check the request', code: 'EINVAL' },
      ],
      [{ id: first.id }, { step: 'make the cgroups', code: 'EEXIST' }],
    ] as const;
    for (const [overrides, expected] of wrong)
      await expect(fixture.make(zygote, overrides), JSON.stringify(overrides)).rejects.toMatchObject(expected);
    const notAMount = await fixture.make(zygote, { layers: [fixture.nothing] });
    await expect(notAMount.init.parked).rejects.toMatchObject({
      name: 'ShimError',
      step: "map the layers' owners",
      code: 'EINVAL',
    });
    expect(await (await fixture.sandbox(zygote)).run(['guest', 'exit', '4'])).toBe(4 << 8);
    expect(await first.run(['guest', 'exit', '5'])).toBe(5 << 8);
  });
});

describe('the TypeScript end', () => {
  const fixture = new SandboxFixture();

  // Mutation: closeAll left out of RequestChannel; the check of `expected` left out; unasked messages taken as they come.
  test('inv-27: nonsense from a peer is a typed error that names it, its descriptors are closed, and so is the channel', async () => {
    const fd = fixture.nothing;
    const execed = (request: number) => encode('execed', request, { execution: 1, pid: 2, pidfd: fd, terminal: null });
    const answers = [
      ...nonsense(fd).filter(({ what }) => !['a message of the wrong kind', 'a descriptor too many'].includes(what)),
      {
        what: 'a reply of the wrong kind',
        ...encode('ready', 1, {}),
        seen: /ready: answers request 1, which expects execed/,
      },
      {
        what: 'a reply of the wrong kind with a descriptor',
        ...encode('welcome', 1, { executions: 0, paused: false, root: fd }),
        seen: /expects execed/,
      },
      { what: 'an answer to nothing', ...execed(77), seen: /answers request 77, which was not made/ },
      { what: 'an answer that nobody asked for', ...execed(0), seen: /execed/ },
      {
        what: 'a welcome that nobody asked for',
        ...encode('welcome', 0, { executions: 0, paused: false, root: fd }),
        seen: /welcome/,
      },
      {
        what: 'what does not travel this way',
        ...encode('made', 1, { pid: 1, pidfd: fd }),
        seen: /made: does not travel init-to-runtime/,
      },
      { what: 'too few descriptors', data: execed(1).data, fds: [], seen: /descriptor/ },
      { what: 'too many descriptors', data: execed(1).data, fds: [fd, fd], seen: /descriptor/ },
    ];
    for (const { what, data, fds, seen } of answers) {
      const before = countDescriptors(process.pid);
      const [ours, theirs] = seqpacketPair();
      const peer = new RawPeer(theirs, 'runtime-to-init');
      const broken: ChannelClosedError[] = [];
      const init = new InitConnection(ours, {
        sandboxId: 'x',
        onExit: () => {},
        onClosed: (error) => broken.push(error),
      });
      const pending = init.exec({ ...emptyExec, stdout: fd, stderr: fd });
      await peer.expect('exec');
      peer.send(data, fds);
      const error: unknown = await pending.catch((reason: unknown) => reason);
      expect(error, what).toBeInstanceOf(ChannelClosedError);
      expect(error, what).toMatchObject({ code: 'ERR_CHANNEL_CLOSED', cause: expect.any(WireError) });
      expect((error as Error).message, what).toMatch(seen);
      expect(broken, what).toEqual([error]);
      await expect(init.ping(), what).rejects.toBe(error);
      await expect(init.parked, what).rejects.toBe(error);
      await peer.closed;
      peer[Symbol.dispose]();
      init.close();
      expect(countDescriptors(process.pid), what).toBe(before);
    }
  });

  // Mutation: #shut leaves the pending requests alone.
  test('a peer that goes away rejects what is pending and what comes later, and says so once', async () => {
    const [ours, theirs] = seqpacketPair();
    const peer = new RawPeer(theirs, 'runtime-to-init');
    const broken: Error[] = [];
    const init = new InitConnection(ours, {
      sandboxId: 'x',
      onExit: () => {},
      onClosed: (error) => broken.push(error),
    });
    const pings = Promise.allSettled([init.ping(), init.ping()]);
    for (let read = 0; read < 2; read++) await peer.expect('ping');
    peer[Symbol.dispose]();
    const reason = {
      code: 'ERR_CHANNEL_CLOSED',
      message: expect.stringMatching(/sandbox x has closed its connection/),
    };
    expect(await pings).toMatchObject([{ reason }, { reason }]);
    await expect(init.ping()).rejects.toMatchObject(reason);
    expect(broken).toHaveLength(1);
    init.close();
  });

  // Mutation: letGo forgets the number, so that the late answer answers nothing and cuts the channel off.
  test('an answer that comes after the caller was let go is taken care of, and the channel goes on', async () => {
    const before = countDescriptors(process.pid);
    const [ours, theirs] = seqpacketPair();
    const peer = new RawPeer(theirs, 'runtime-to-init');
    const init = new InitConnection(ours, { sandboxId: 'x', onExit: () => {}, onClosed: () => {} });
    const caller = new AbortController();
    const given = init.exec(
      { ...emptyExec, stdout: fixture.nothing, stderr: fixture.nothing },
      { signal: caller.signal },
    );
    const { request } = await peer.expect('exec');
    caller.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    const ping = init.ping();
    const { request: second } = await peer.expect('ping');
    expect(second).not.toBe(request);
    peer.tell('failed', request, { step: 'execute', errno: 2, text: 'late' });
    peer.tell('pong', second, {});
    await ping;
    peer[Symbol.dispose]();
    init.close();
    expect(countDescriptors(process.pid)).toBe(before);
  });
});

const emptyExec = {
  execution: 1,
  cwd: '/',
  searchPath: '',
  uid: 0,
  gid: 0,
  groups: [],
  noNewPrivileges: true,
  argc: 1,
  envc: 0,
  block: Buffer.from('x\0'),
  stdin: null,
  blockFile: null,
  terminal: false,
  columns: 0,
  rows: 0,
  durable: false,
  label: Buffer.alloc(0),
  stdoutKept: null,
  stderrKept: null,
  ring: null,
  cgroup: null,
};
