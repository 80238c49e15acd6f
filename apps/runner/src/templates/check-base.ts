import type { DoctorFinding } from '@hatchery/runtime';
import { lacksOf } from './image-contents.ts';
import { baseName } from './template.ts';
import { TemplateStore } from './template-store.ts';

/** What the template `base` is, and what clients of E2B will not find in it. */
export async function checkBase(dataDirectory: string): Promise<DoctorFinding> {
  const named = { name: 'template-base', needed: false };
  const missing = (detail: string, cost: string, remedy: string): DoctorFinding => ({
    ...named,
    ok: false,
    detail,
    cost,
    remedy,
  });
  try {
    const base = (await TemplateStore.open(dataDirectory)).find(baseName);
    if (base !== undefined && base.image !== 'host')
      return { ...named, ok: true, detail: `${base.description}, in ${base.image}`, cost: null, remedy: null };
    const lacks = lacksOf('/');
    const cost =
      lacks.length === 0 ? 'sandboxes of E2B’s clients see this host’s programs' : `they lack ${lacks.join(', ')}`;
    return missing('not built: sandboxes of E2B’s clients get this host’s programs', cost, 'hatchery image base');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return missing(why, 'sandboxes of E2B’s clients cannot be made', 'do what the message says');
  }
}
