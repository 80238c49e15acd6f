import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { shell } from '../client.ts';
import type { Refusal, Row, Trial } from '../row.ts';

type Client = Trial['client'];

/** Makes one of the client's helpers, and removes its box afterwards, if it has come to one. */
async function withHelper<Box extends InstanceType<Client['SimpleBox']>>(
  { runtime }: Trial,
  box: Box,
  use: (box: Box) => Promise<void>,
): Promise<void> {
  try {
    await use(box);
  } finally {
    const id = await box.getId().catch(() => null);
    if (id !== null) await runtime.remove(id, true).catch(() => {});
  }
}

function simple(
  method: string,
  claim: string,
  use: (box: InstanceType<Client['SimpleBox']>, trial: Trial) => Promise<void>,
): Row {
  return {
    method: `SimpleBox#${method}`,
    claim,
    run: (trial) =>
      withHelper(trial, new trial.client.SimpleBox({ runtime: trial.runtime, image: 'base' }), (box) =>
        use(box, trial),
      ),
  };
}

const simpleRows: readonly Row[] = [
  simple('exec', 'makes the box at the first call, and collects what a command gives', async (box) => {
    expect(await box.exec('sh', ['-c', 'echo $ROW; echo err >&2; exit 4'], { ROW: 'yes' })).toEqual({
      exitCode: 4,
      stdout: 'yes\n',
      stderr: 'err\n',
    });
    expect((await box.exec('echo', 'a', 'b')).stdout).toBe('a b\n');
  }),
  simple('getId', 'makes the box when there is none', async (box, { runtime }) => {
    expect(await runtime.get(await box.getId())).not.toBeNull();
  }),
  simple('info', 'of the box, once there is one', async (box) => {
    await expect(box.info()).rejects.toThrow(/not yet created/);
    await box.getId();
    expect((await box.info()).image).toBe('base');
  }),
  simple('getInfo', 'makes the box when there is none', async (box) => {
    expect((await box.getInfo()).state.running).toBe(true);
  }),
  simple('metrics', 'of the box', async (box) => {
    await box.exec('true');
    expect((await box.metrics()).commandsExecutedTotal).toBe(1);
  }),
  simple('stop', 'the box is stopped, and its files stay', async (box, { runtime }) => {
    await box.exec('sh', '-c', 'echo kept > /home/user/file');
    await box.stop();
    const found = await runtime.get(await box.getId());
    expect((await found?.info())?.state.status).toBe('stopped');
    await found?.start();
    if (found) expect(await shell(found, 'cat /home/user/file')).toBe('kept\n');
  }),
];

function code(
  method: string,
  claim: string,
  use: (box: InstanceType<Client['CodeBox']>, trial: Trial) => Promise<void>,
): Row {
  return {
    method: `CodeBox#${method}`,
    claim,
    run: (trial) =>
      withHelper(
        trial,
        new trial.client.CodeBox({ runtime: trial.runtime, image: 'base', user: 'root' }),
        async (box) => {
          // Where the image that it is made for has them.
          await box.exec('sh', '-c', 'ln -s /usr/bin/python3 /usr/local/bin/python');
          await box.exec(
            'sh',
            '-c',
            'printf "#!/bin/sh\\necho pip \\$*" > /usr/local/bin/pip; chmod +x /usr/local/bin/pip',
          );
          await use(box, trial);
        },
      ),
  };
}

const codeRows: readonly Row[] = [
  code('run', 'what the program prints, and an error that has its traceback', async (box, { client }) => {
    expect(await box.run('print(6 * 7)')).toBe('42\n');
    await expect(box.run('raise ValueError("no")')).rejects.toBeInstanceOf(client.ExecError);
  }),
  code('runScript', 'a script of this host', async (box, { directory }) => {
    const path = join(directory, 'script.py');
    writeFileSync(path, 'print("from a script")');
    expect(await box.runScript(path)).toBe('from a script\n');
  }),
  code('installPackage', 'runs the pip of the box', async (box) => {
    expect(await box.installPackage('a-package')).toBe('pip install a-package\n');
  }),
  code('installPackages', 'runs the pip of the box', async (box) => {
    expect(await box.installPackages('one', 'two')).toBe('pip install one two\n');
  }),
];

function interactive(method: 'start' | 'wait' | 'stop', claim: string): Row {
  return {
    method: `InteractiveBox#${method}`,
    claim,
    async run(trial) {
      const { client, runtime } = trial;
      const shellOf = method === 'stop' ? '/bin/sh' : '/bin/true';
      await withHelper(
        trial,
        new client.InteractiveBox({ runtime, image: 'base', shell: shellOf, tty: false }),
        async (box) => {
          await box.start();
          if (method !== 'stop') await box.wait();
          else await box.stop();
          expect((await box.info()).state.running).toBe(method !== 'stop');
        },
      );
    },
  };
}

const interactiveRows: readonly Row[] = [
  interactive('start', 'a shell with a terminal'),
  interactive('wait', 'until the shell has ended'),
  interactive('stop', 'ends the shell and stops the box'),
];

/** Helpers that publish ports on the host, which the client does not do in REST mode. */
const refusal: Refusal = 'ports, by the client';

const browserRows = (['start', 'endpoint', 'playwrightEndpoint', 'connect'] as const).map(
  (method): Row => ({
    method: `BrowserBox#${method}`,
    claim: 'as its user calls it',
    refusal,
    async run({ client, runtime }) {
      await new client.BrowserBox({ runtime })[method]();
    },
  }),
);

type Computer = InstanceType<Client['ComputerBox']>;
const computerCalls: Readonly<Record<string, (box: Computer) => Promise<unknown>>> = {
  screenshot: (box) => box.screenshot(),
  mouseMove: (box) => box.mouseMove(1, 1),
  leftClick: (box) => box.leftClick(),
  rightClick: (box) => box.rightClick(),
  middleClick: (box) => box.middleClick(),
  doubleClick: (box) => box.doubleClick(),
  tripleClick: (box) => box.tripleClick(),
  leftClickDrag: (box) => box.leftClickDrag(1, 1, 2, 2),
  cursorPosition: (box) => box.cursorPosition(),
  type: (box) => box.type('text'),
  key: (box) => box.key('Return'),
  scroll: (box) => box.scroll(1, 1, 'down'),
  getScreenSize: (box) => box.getScreenSize(),
};
const computerRows = Object.entries(computerCalls).map(
  ([method, call]): Row => ({
    method: `ComputerBox#${method}`,
    claim: 'as its user calls it',
    refusal,
    async run({ client, runtime }) {
      await call(new client.ComputerBox({ runtime }));
    },
  }),
);

type Skill = InstanceType<Client['SkillBox']>;
const skillCalls: Readonly<Record<string, (box: Skill) => Promise<unknown>>> = {
  start: (box) => box.start(),
  call: async (box) => {
    await box.start();
    await box.call('hello');
  },
  installSkill: async (box) => {
    await box.start();
    await box.installSkill('a/skill');
  },
};
const skillOf = ({ client, runtime }: Trial): Skill => new client.SkillBox({ runtime, oauthToken: 'none' });
const skillRows: readonly Row[] = [
  ...Object.entries(skillCalls).map(
    ([method, call]): Row => ({
      method: `SkillBox#${method}`,
      claim: 'as its user calls it',
      refusal,
      async run(trial) {
        await call(skillOf(trial));
      },
    }),
  ),
  {
    method: 'SkillBox#stop',
    claim: 'of one that was never started',
    async run(trial) {
      await skillOf(trial).stop();
    },
  },
];

/** They try until their time is up, whatever they meet. */
const desktopRows: readonly Row[] = [
  {
    method: 'ComputerBox#waitUntilReady',
    claim: 'gives up where there is no desktop',
    async run({ client, runtime }) {
      const waiting = new client.ComputerBox({ runtime }).waitUntilReady(0.1);
      await expect(waiting).rejects.toBeInstanceOf(client.TimeoutError);
    },
  },
  {
    method: 'SkillBox#waitUntilReady',
    claim: 'gives up where there is no desktop',
    async run(trial) {
      await expect(skillOf(trial).waitUntilReady(0.1)).rejects.toBeInstanceOf(trial.client.TimeoutError);
    },
  },
];

/** What the client makes of boxes by itself. */
export const helperRows: readonly Row[] = [
  ...simpleRows,
  ...codeRows,
  ...interactiveRows,
  ...browserRows,
  ...computerRows,
  ...skillRows,
  ...desktopRows,
];
