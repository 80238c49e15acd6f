import { type MessageLayout, messages, type Party } from '../../packages/zygote-ipc/src/wire/messages.ts';

export const table: readonly (readonly [name: string, layout: MessageLayout])[] = Object.entries(messages);

export const parties: readonly Party[] = ['runtime', 'zygote', 'init'];

/** What the header of any message takes: tag, version, length, request. */
export const headerBytes = 12;

export interface DescriptorCounts {
  readonly fixed: number;
  readonly optional: readonly string[];
  readonly list: { readonly name: string; readonly max: number; readonly since: number | null } | null;
}

export function descriptorCounts(layout: MessageLayout): DescriptorCounts {
  const optional: string[] = [];
  let fixed = 0;
  let list: DescriptorCounts['list'] = null;
  for (const [name, kind, , since] of layout.descriptors) {
    if (kind.kind === 'one') fixed++;
    else if (kind.kind === 'optional') optional.push(name);
    else list = { name, max: kind.max, since: since ?? null };
  }
  return { fixed, optional, list };
}

export function maxDescriptors(): number {
  return Math.max(
    ...table.map(([, layout]) => {
      const { fixed, optional, list } = descriptorCounts(layout);
      return fixed + optional.length + (list?.max ?? 0);
    }),
  );
}
