import { HatcheryError, type Runtime, type RuntimeEvent, type Sandbox } from '@hatchery/runtime';
import type { HostedSandboxes } from './hosted-sandboxes.ts';

/** Those that the subscription does not tell. */
const noted: ReadonlySet<RuntimeEvent['type']> = new Set(['paused', 'resumed']);

/** Has the log of each sandbox tell when a run of it begins and ends, and its pauses, until `closing` fires. */
export function noteChanges(runtime: Runtime, hosted: HostedSandboxes, closing: AbortSignal): void {
  const note = ({ id, lifecycleId }: Pick<Sandbox, 'id' | 'lifecycleId'>, what: string): void => {
    const found = hosted.find(id);
    if (found !== undefined) hosted.logOf(found).note(`the sandbox ${what}`, { lifecycleId });
  };
  const subscription = runtime.subscribe({
    name: 'logs of hosted sandboxes',
    onInsert: (sandbox) => note(sandbox, 'runs'),
    onRemove: (sandbox) => note(sandbox, 'stops'),
  });
  closing.addEventListener('abort', () => subscription[Symbol.dispose](), { once: true });
  void follow(runtime, closing, ({ type, sandboxId, lifecycleId }) => {
    if (noted.has(type)) note({ id: sandboxId, lifecycleId }, `is ${type}`);
  });
}

async function follow(runtime: Runtime, closing: AbortSignal, tell: (event: RuntimeEvent) => void): Promise<void> {
  try {
    for await (const event of runtime.events({ signal: closing })) tell(event);
  } catch (error) {
    if (!(error instanceof HatcheryError) || error.code !== 'ERR_ABORTED') throw error;
  }
}
