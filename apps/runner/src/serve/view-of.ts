import type { Sandbox } from '@hatchery/runtime';
import type { SandboxView } from '../wire/views.ts';

export function viewOf(sandbox: Sandbox): SandboxView {
  const { id, lifecycleId, state, failure, metadata, createdAt, createdFrom, expiresAt, address } = sandbox;
  return {
    id,
    lifecycleId,
    state,
    failure,
    createdAt: createdAt.toISOString(),
    createdFrom,
    expiresAt: expiresAt?.toISOString() ?? null,
    address,
    metadata: { ...metadata },
    executions: sandbox.executions().length,
  };
}
